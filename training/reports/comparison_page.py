"""A comparison as a table: for the terminal, as CSV, and as one HTML file with its plots inside."""

from collections import defaultdict
from collections.abc import Sequence

from training.evaluation.comparison import Plan, Row, against, strictest
from training.evaluation.conclusion import Earlier, compared, percent, weakest
from training.evaluation.splits import Protocol
from training.evaluation.summary import CrossValidated
from training.reports import comparison_plots
from training.reports.pages import render

SHOWN = ("recipe", "grouped macro_f1", "grouped auroc", "random macro_f1", "against best", "milliseconds", "epochs")
COST = ("weights", "parameters", "megabytes", "milliseconds", "training_seconds")

Table = list[dict[str, str]]


def columns(rows: list[Row], plan: Plan) -> Table:
    """Return the table: a dictionary of texts for every row, all with the same keys."""
    protocol, labels = strictest(rows, plan), _labels(rows)
    table = []
    for row in rows:
        line = {"recipe": row.recipe.name}
        for planned in plan.protocols:
            line |= {f"{planned} {key}": text for key, text in _numbers(row.results.get(planned), labels).items()}
        line["against best"] = "best" if row is rows[0] else _against(rows[0], row, protocol)
        line |= {"pictures": str(row.pictures), "epochs": row.epochs}
        line |= {key: str(getattr(row.cost, key, "")) for key in COST}
        table.append(line)
    return table


def _labels(rows: list[Row]) -> list[str]:
    return sorted({label for row in rows for result in row.results.values() for label in result.sensitivity})


def _numbers(result: CrossValidated | None, labels: Sequence[str]) -> dict[str, str]:
    """Return the columns of one protocol; all of them empty where it could not be measured."""
    accuracy = result.accuracy_all if result else None
    removed = result.ablations["cells_removed"] if result else None
    sensitivity = result.sensitivity if result else {}
    return {
        **{key: _number(getattr(result, key, None)) for key in ("macro_f1", "auroc", "ece")},
        "tested": str(result.n) if result else "",
        "accuracy_all": _number(accuracy.value if accuracy else None),
        **{f"accuracy_all {end}": _number(getattr(accuracy, end, None)) for end in ("low", "high")},
        "folds": f"{result.folds_run} of {result.folds}" if result else "",
        **{f"sensitivity {label}": _number(getattr(sensitivity.get(label), "value", None)) for label in labels},
        "cells_removed suggested": _number(removed.coverage if removed else None),
        "cells_removed accuracy": _number(removed.accuracy_all if removed else None),
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _against(best: Row, row: Row, protocol: Protocol) -> str:
    gain = against(best, row, protocol)
    if gain is None:
        return "not measured on the same pictures"
    words = "within noise" if gain.within_noise else "worse"
    return f"{words} (macro F1 {-gain.value:+.4f}, {-gain.high:+.4f} to {-gain.low:+.4f})"


def text(table: Table) -> str:
    """Return the most important columns for a terminal."""
    keys = [key for key in SHOWN if key in table[0]]
    widths = {key: max(len(key), *(len(line[key]) for line in table)) for key in keys}
    lines = ["  ".join(key.ljust(widths[key]) for key in keys)]
    lines += ["  ".join(line[key].ljust(widths[key]) for key in keys).rstrip() for line in table]
    return "\n".join(lines)


def as_html(rows: list[Row], plan: Plan, command: str, paragraph: str) -> str:
    """Return one self-contained page: conclusion, plots, table."""
    table = columns(rows, plan)
    return render(
        "comparison.html", conclusion=paragraph, command=command, plots=comparison_plots.plots(rows, plan), table=table
    )


def conclusion(rows: list[Row], plan: Plan, active: Earlier | None = None) -> str:
    """Return the paragraph in which a comparison ends.

    active: the bundle in use under the strictest protocol, where it was measured on this data.
    """
    protocol = strictest(rows, plan)
    measured = [row for row in rows if protocol in row.results]
    best, result = measured[0], measured[0].results[protocol]
    equals = [row.recipe.name for row in measured[1:] if (d := against(best, row, protocol)) and d.within_noise]
    removed = result.ablations["cells_removed"]
    sentences = [
        f"Best of {len(measured)} by macro F1 ({protocol}) is {best.recipe.name}: {result.macro_f1:.3f}, right on"
        f" {percent(result.accuracy_all.value)} of {result.n} pictures.",
        f"Within noise of it: {', '.join(equals)}." if equals else "No other is within noise of it.",
        weakest(result, best.recipe.label_names()),
        f"With every leukocyte painted out it still suggests for {percent(removed.coverage)} of the pictures,"
        f" and would be right on {percent(removed.accuracy_all)}.",
    ]
    if active is None:
        sentences.append("No published bundle was measured on this data by this protocol, so none is compared with.")
    else:
        sentences.append(compared(result.accuracy_all, Earlier(f"the published {active.name}", active.accuracy)))
    refused: dict[tuple[Protocol, str], list[str]] = defaultdict(list)
    for row in rows:
        for unmeasured, why in row.refused.items():
            refused[unmeasured, why].append(row.recipe.name)
    sentences += [
        f"Not measured, {unmeasured} ({', '.join(names)}): {why}"
        for (unmeasured, why), names in sorted(refused.items())
    ]
    return " ".join(sentences)

"""A comparison as a table: for the terminal, as CSV, and as one HTML file with its plots inside."""

import base64
import html
import io
from typing import Any

import matplotlib
import numpy as np

from training.evaluation.comparison import Plan, Row, against, strictest
from training.evaluation.conclusion import compared, percent, weakest

matplotlib.use("Agg")
from matplotlib import pyplot as plt

VIOLET, TEAL, AMBER, ROSE = "#5b3fa6", "#1b7f6b", "#b26a00", "#a63f6b"
COLOURS = {"grouped": VIOLET, "random": AMBER, "source": TEAL, "as-published": ROSE}
SHOWN = ("recipe", "grouped macro_f1", "grouped auroc", "random macro_f1", "against best", "milliseconds", "epochs")
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#22222a}"
    "table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}td,th{padding:.3rem .6rem;"
    "border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}td:first-child,th:first-child{text-align:left}"
    "img{max-width:100%;height:auto}"
)


def columns(rows: list[Row], plan: Plan) -> list[dict[str, str]]:
    """Return the table: a dictionary of texts for every row, all with the same keys."""
    protocol, labels = strictest(rows, plan), _labels(rows)
    best = rows[0]
    table = []
    for row in rows:
        line = {"recipe": row.recipe.name}
        for one in plan.protocols:
            result = row.results.get(one)
            line |= {f"{one} {key}": _number(result, key) for key in ("macro_f1", "auroc", "ece")}
            line[f"{one} tested"] = str(result["n"]) if result else ""
            line[f"{one} accuracy_all"] = _number(result, "accuracy_all", "value")
            line |= {f"{one} accuracy_all {end}": _number(result, "accuracy_all", end) for end in ("low", "high")}
            line[f"{one} folds"] = f"{result['folds_run']} of {result['folds']}" if result else ""
            for label in labels:
                line[f"{one} sensitivity {label}"] = _number(result, "sensitivity", label, "value")
            line[f"{one} cells_removed suggested"] = _number(result, "controls", "cells_removed", "coverage")
            line[f"{one} cells_removed accuracy"] = _number(result, "controls", "cells_removed", "accuracy_all")
        line["against best"] = "best" if row is best else _against(best, row, protocol)
        line |= {key: str(row.facts.get(key, "")) for key in _FACTS}
        table.append(line)
    return table


_FACTS = ("pictures", "epochs", "weights", "parameters", "megabytes", "milliseconds", "training_seconds")


def _labels(rows: list[Row]) -> list[str]:
    return sorted({label for row in rows for result in row.results.values() for label in result["sensitivity"]})


def _number(result: dict[str, Any] | None, *keys: str) -> str:
    value: Any = result
    for key in keys:
        value = (value or {}).get(key)
    return "" if value is None else f"{value:.4f}"


def _against(best: Row, row: Row, protocol: str) -> str:
    found = against(best, row, protocol)
    if found is None:
        return "not measured on the same pictures"
    words = "within noise" if found.within_noise else "worse"
    return f"{words} (macro F1 {-found.value:+.4f}, {-found.high:+.4f} to {-found.low:+.4f})"


def text(table: list[dict[str, str]]) -> str:
    """Return the most important columns for a terminal."""
    keys = [key for key in SHOWN if key in table[0]]
    widths = {key: max(len(key), *(len(line[key]) for line in table)) for key in keys}
    lines = ["  ".join(key.ljust(widths[key]) for key in keys)]
    lines += ["  ".join(line[key].ljust(widths[key]) for key in keys).rstrip() for line in table]
    return "\n".join(lines)


def as_html(rows: list[Row], plan: Plan, command: str, paragraph: str) -> str:
    """Return one self-contained page: conclusion, plots, table."""
    table = columns(rows, plan)
    head = "".join(f"<th>{html.escape(key)}</th>" for key in table[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(value)}</td>" for value in line.values()) + "</tr>" for line in table
    )
    pictures = "".join(f'<p><img alt="{alt}" src="{_inline(draw(rows, plan))}"></p>' for alt, draw in _PLOTS.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Comparison</title><style>{STYLE}</style>'
        f"<h1>Comparison</h1><p>{html.escape(paragraph)}</p><p><code>{html.escape(command)}</code></p>{pictures}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></html>\n"
    )


def _scores(rows: list[Row], plan: Plan) -> Any:
    figure, axes = plt.subplots(figsize=(8, 0.5 + 0.45 * len(rows)), layout="constrained")
    place = np.arange(len(rows))[::-1]
    height = 0.8 / len(plan.protocols)
    for number, protocol in enumerate(plan.protocols):
        values = [max(row.score(protocol), 0) for row in rows]
        axes.barh(place - number * height, values, height, color=COLOURS[protocol], label=protocol)
    axes.set_yticks(place - height * (len(plan.protocols) - 1) / 2, [row.recipe.name for row in rows])
    axes.set(xlim=(0, 1), xlabel="macro F1")
    axes.legend(frameon=False, loc="lower left")
    return figure


def _speed(rows: list[Row], plan: Plan) -> Any:
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    protocol = strictest(rows, plan)
    for row in rows:
        if "milliseconds" in row.facts and protocol in row.results:
            axes.plot(row.facts["milliseconds"], row.score(protocol), "o", color=VIOLET)
            axes.annotate(row.recipe.name, (row.facts["milliseconds"], row.score(protocol)), fontsize=7)
    axes.set(xlabel="milliseconds for a picture, from bytes to reading", ylabel=f"macro F1, {protocol}")
    return figure


_PLOTS = {"macro F1 by recipe and protocol": _scores, "macro F1 by speed": _speed}


def _inline(figure: Any) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def conclusion(rows: list[Row], plan: Plan, active: tuple[str, dict[str, Any]] | None = None) -> str:
    """Return the paragraph in which a comparison ends.

    active: name and result of the bundle in use under the strictest protocol, where it was measured on this data.
    """
    protocol = strictest(rows, plan)
    measured = [row for row in rows if protocol in row.results]
    best, result = measured[0], measured[0].results[protocol]
    equals = [row.recipe.name for row in measured[1:] if (d := against(best, row, protocol)) and d.within_noise]
    removed = result["controls"]["cells_removed"]
    sentences = [
        f"Best of {len(measured)} by macro F1 ({protocol}) is {best.recipe.name}: {result['macro_f1']:.3f}, right on"
        f" {percent(result['accuracy_all']['value'])} of {result['n']} pictures.",
        f"Within noise of it: {', '.join(equals)}." if equals else "No other is within noise of it.",
        weakest(result, best.recipe.label_names()),
        f"With every leukocyte painted out it still suggests for {percent(removed['coverage'])} of the pictures,"
        f" and would be right on {percent(removed['accuracy_all'])}.",
    ]
    if active is None:
        sentences.append("No published bundle was measured on this data by this protocol, so none is compared with.")
    else:
        name, earlier = active
        sentences.append(compared(result, earlier, f"the published {name}"))
    refused: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for one, why in row.refused.items():
            refused.setdefault((one, why), []).append(row.recipe.name)
    sentences += [f"Not measured, {one} ({', '.join(names)}): {why}" for (one, why), names in sorted(refused.items())]
    return " ".join(sentences)

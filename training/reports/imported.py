"""What an import ends in, for a terminal: under which scaling the model is right, and how it did."""

from collections.abc import Sequence
from pathlib import Path

from smear.inference.card import Label
from training.evaluation.conclusion import conclude
from training.evaluation.cross_validation import result_file
from training.evaluation.summary import CrossValidated
from training.imported.scalings import Tried
from training.reports import class_report


def scalings(rows: Sequence[Tried]) -> str:
    """Return how often the model is right under each scaling, the best first."""
    wide = max(len(row.scaling.name) for row in rows)
    lines = [
        f"  {row.scaling.name.ljust(wide)}  {row.right:4} of {len(row.hits)} right  ({row.scaling.words})"
        for row in rows
    ]
    return "\n".join(["Right on, with its pictures scaled as", *lines])


def text(result: CrossValidated, labels: Sequence[Label], name: str, out: Path) -> str:
    """Return the paragraph, the table of labels, and what to do next."""
    names = {label.id: label.name for label in labels}
    paragraph = conclude(result, names, result.colours, None, result.groups_from, result.laboratories)
    return "\n".join(
        [
            paragraph,
            "",
            class_report.text(result, names),
            "",
            f"Draft: {out / name}. All numbers: {result_file(out, 'grouped')}. What it learnt from is unknown, and its"
            " card says so.",
            f"Next: python -m training publish {out} --name NAME --attribution WHOSE --licence LICENCE --known-failure"
            " SENTENCE",
        ]
    )

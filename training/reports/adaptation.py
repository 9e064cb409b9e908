"""What an adaptation ends in, for a terminal: one table and one paragraph."""

from pathlib import Path

from smear.inference.card import Card
from training.adaptation.adapt import CHANGE, Outcome
from training.adaptation.decision import Judged
from training.evaluation.conclusion import percent


def text(outcome: Outcome, card: Card, out: Path) -> str:
    """Return the table and the paragraph."""
    rows = [("", "pictures", "right if it always answered", "gets a suggestion", "right of these")]
    rows += [("before", *_columns(outcome.before)), ("after", *_columns(outcome.after))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    tried = (
        ", ".join(f"{name} {100 * share:.1f} %" for name, share in outcome.tried.items()) or "nothing: too few groups"
    )
    errors = ", ".join(f"{count} x {pair}" for pair, count in list(outcome.errors.items())[:5]) or "none"
    words = [
        "In brackets: 95 % limits, by patients or slides where these make them wider than each picture by itself.",
        f"Of {outcome.labels['adapt']} labels it was adapted by, {outcome.labels['calibrate']} set its thresholds, and"
        f" {outcome.labels['release']} tested it. Right in cross-validation: {tried}. Chosen: {outcome.chosen}.",
        f"Taken for another, always answering: {errors}.",
        f"{'Go' if outcome.go else 'No go'}. {outcome.reason}",
        f"The bundle: {outcome.bundle}. The change record: {out / CHANGE}.",
    ]
    return "\n".join([f"{card.name} {card.version}", *table, "", *words])


def _columns(judged: Judged) -> tuple[str, str, str, str]:
    of_these = "-"
    if judged.accuracy_suggested is not None:
        of_these = _share(judged.accuracy_suggested, judged.accuracy_suggested_limits)
    always = _share(judged.accuracy_all, judged.accuracy_all_limits)
    return str(judged.n), always, percent(judged.coverage), of_these


def _share(value: float, limits: tuple[float, float]) -> str:
    low, high = limits
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"

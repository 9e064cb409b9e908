"""A card's numbers as bars: accuracy by protocol with its interval, and the controls on the same scale."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from smear import measured
from smear.inference import floors
from smear.inference.card import Card
from smear.measured import Laboratories, Rate, Result
from smear.statistics import ClassScores, class_scores


@dataclass(frozen=True)
class Bar:
    """One number between 0 and 1 with its 95 % interval, and what it means in words."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Rendering:
    """What became of pictures as another camera or program would have left them: counts, and shares 0..1."""

    name: str
    coverage: float
    accuracy: float | None
    others: int
    others_suggested: int


@dataclass(frozen=True)
class Figures:
    """What a card shows of itself."""

    protocols: list[Bar]
    controls: list[Bar]
    sensitivity: list[Bar]
    classes: list[tuple[str, ClassScores]]
    renderings: list[Rendering]
    laboratories: Laboratories | None


def protocol_names(patients: bool = False) -> dict[str, str]:
    """Return the protocols, what they are worth most first; `patients`: whether groups are those of known patients."""
    return {
        floors.RELEASE: _("On this laboratory's images that it was not adapted to"),
        "source": _("On another laboratory's images"),
        "grouped": _("On patients it had not seen") if patients else _("On groups of slides it had not seen"),
        "random": _("Random split: comparable with papers, optimistic"),
    }


def control_names() -> dict[str, str]:
    """Return the controls in words."""
    return {
        "cells_removed": _("Leukocytes painted out"),
        "background_removed": _("Background painted out"),
        "corner_only": _("Only the corner with the scale bar"),
        "colour_only": _("Only the mean colour of each cell"),
        "grey": _("Colour taken away"),
    }


def figures(card: Card) -> Figures:
    """Read the numbers of a card; a number that it does not have is left out, never guessed."""
    results = results_of(card)
    main = main_result(card, results)
    held_out = results["source"].laboratories if "source" in results else None
    return Figures(
        list(protocol_bars(card).values()),
        control_bars(card, main),
        sensitivity_bars(card, main),
        scores_by_class(card, main),
        renderings(card),
        held_out,
    )


def results_of(card: Card) -> dict[str, Result]:
    """Return what a card says of each protocol under which its model was measured, what is worth most first."""
    results = {name: measured.result(card.metrics, name) for name in measured.PROTOCOLS}
    return {name: result for name, result in results.items() if result}


def main_result(card: Card, results: dict[str, Result]) -> Result:
    """Return the result that a model is judged by; an empty one where it was not measured."""
    return results.get(floors.judged_by(card)) or next(iter(results.values()), Result())


def protocol_bars(card: Card) -> dict[str, Bar]:
    """Return how often a suggestion was right under each protocol."""
    bars = {name: protocol_bar(card, name, result) for name, result in results_of(card).items()}
    return {name: bar for name, bar in bars.items() if bar}


def rated(name: str, rate: Rate | None, text: str = "", patients: bool = False) -> Bar | None:
    """Return the bar of a rate with its counts and interval, or None where there is none.

    patients: whether the groups that the interval is by are those of known patients.
    """
    if rate is None or rate.value is None:
        return None
    texts = [text, interval_from(rate, patients)]
    return Bar(name, rate.value, rate.low, rate.high, "; ".join(filter(None, texts)))


def interval_from(rate: Rate, patients: bool) -> str:
    """Return by what the interval of a rate counts, and what it would be by picture; "" where it is by picture."""
    if not rate.groups or rate.wilson is None:
        return ""
    low, high = (f"{100 * end:.1f}" for end in rate.wilson)
    if patients:
        return _("interval by %(n)s patients; by image %(low)s – %(high)s", n=rate.groups, low=low, high=high)
    return _("interval by %(n)s groups of images; by image %(low)s – %(high)s", n=rate.groups, low=low, high=high)


def patients_known(card: Card) -> bool:
    """Return whether the groups of a card's results are those of known patients."""
    return bool(card.data.get("groups_from") == "patients")


def protocol_bar(card: Card, name: str, result: Result) -> Bar | None:
    """Return how often a suggestion was right under one protocol, and how often there was one."""
    text = ""
    if result.coverage is not None and result.n:
        text = _(
            "right when it suggests; it suggests on %(share)s of %(n)s %(seen)s",
            share=share(result.coverage),
            n=result.n,
            seen=_("cells") if card.scope == "cell" else _("fields"),
        )
    patients = patients_known(card)
    return rated(protocol_names(patients)[name], result.accuracy_suggested, text, patients)


def control_bars(card: Card, main: Result) -> list[Bar]:
    """Return how often each control still got a suggestion, and what a guess from colours alone reaches."""
    bars = []
    for name, ablation in measured.ablations(card.controls).items():
        forced = ablation.accuracy_all
        text = "" if forced is None else _("made to answer, it would be right on %(share)s", share=share(forced))
        shown = control_names().get(name, name.replace("_", " "))
        suggested = rated(shown, ablation.suggested, text, patients_known(card))
        bars.append(suggested or Bar(shown, ablation.coverage, text=text))
    forest = rated(
        _("Colour statistics alone"),
        main.colour_statistics_forest,
        _("a random forest that sees no shapes, right on this share"),
        patients_known(card),
    )
    return bars + ([forest] if forest else [])


def sensitivity_bars(card: Card, main: Result) -> list[Bar]:
    """Return the share of each class that was recognised, had it always answered."""
    patients = patients_known(card)
    bars = (rated(label.name, main.sensitivity.get(label.id), patients=patients) for label in card.labels)
    return [bar for bar in bars if bar]


def scores_by_class(card: Card, main: Result) -> list[tuple[str, ClassScores]]:
    """Return each class's name with its scores, had it always answered; [] where a card has no confusion matrix."""
    if [len(row) for row in main.confusion] != [len(card.labels)] * len(card.labels):
        return []
    return [(label.name, scores) for label, scores in zip(card.labels, class_scores(main.confusion), strict=True)]


def renderings(card: Card) -> list[Rendering]:
    """Return what `python -m training stress` found of a model, in its order; [] where it was not measured."""
    return [
        Rendering(
            rendering.rendering,
            rendering.suggested / rendering.own,
            rendering.right / rendering.suggested if rendering.suggested else None,
            rendering.others,
            rendering.others_suggested,
        )
        for rendering in measured.renderings(card.metrics)
        if rendering.own
    ]


def share(value: float) -> str:
    """Write a share as people say it."""
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"

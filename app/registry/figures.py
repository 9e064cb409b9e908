"""A card's numbers as bars: accuracy by protocol with its interval, and the controls on the same scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from app.registry.laboratories import Laboratory, Unseen, laboratories, unseen
from smear.inference import floors
from smear.inference.card import Card
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
    laboratories: list[Laboratory]
    unseen: Unseen | None


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
    results = {name: card.metrics[name] for name in protocol_names() if isinstance(card.metrics.get(name), dict)}
    protocols = [bar for name, result in results.items() if (bar := protocol_bar(card, name, result))]
    main: dict[str, Any] = results.get(floors.judged_by(card)) or next(iter(results.values()), {})
    bars = control_bars(card, main), sensitivity_bars(card, main)
    return Figures(protocols, *bars, scores_by_class(card, main), renderings(card), laboratories(card), unseen(card))


def rated(name: str, rate: Any, text: str = "", patients: bool = False) -> Bar | None:
    """Return the bar of a rate with its counts and interval, or None where there is none.

    patients: whether the groups that the interval is by are those of known patients.
    """
    if not isinstance(rate, dict) or not isinstance(rate.get("value"), int | float):
        return None
    texts = [text, interval_from(rate, patients)]
    return Bar(name, float(rate["value"]), rate.get("low"), rate.get("high"), "; ".join(filter(None, texts)))


def interval_from(rate: dict[str, Any], patients: bool) -> str:
    """Return by what the interval of a rate counts, and what it would be by picture; "" where it is by picture."""
    groups, by_picture = rate.get("groups"), rate.get("wilson")
    if not groups or not isinstance(by_picture, list):
        return ""
    low, high = (f"{100 * end:.1f}" for end in by_picture)
    if patients:
        return _("interval by %(n)s patients; by image %(low)s – %(high)s", n=groups, low=low, high=high)
    return _("interval by %(n)s groups of images; by image %(low)s – %(high)s", n=groups, low=low, high=high)


def patients_known(card: Card) -> bool:
    """Return whether the groups of a card's results are those of known patients."""
    return bool(card.data.get("groups_from") == "patients")


def protocol_bar(card: Card, name: str, result: dict[str, Any]) -> Bar | None:
    """Return how often a suggestion was right under one protocol, and how often there was one."""
    coverage, n = result.get("coverage"), result.get("n")
    text = ""
    if isinstance(coverage, int | float) and n:
        seen = _("cells") if card.scope == "cell" else _("fields")
        text = _(
            "right when it suggests; it suggests on %(share)s of %(n)s %(seen)s", share=share(coverage), n=n, seen=seen
        )
    patients = patients_known(card)
    return rated(protocol_names(patients)[name], result.get("accuracy_suggested"), text, patients)


def control_bars(card: Card, main: dict[str, Any]) -> list[Bar]:
    """Return how often each control still got a suggestion, and what a guess from colours alone reaches."""
    bars = []
    for name, numbers in card.controls.items():
        if not isinstance(numbers, dict) or not isinstance(numbers.get("coverage"), int | float):
            continue
        forced = numbers.get("accuracy_all")
        text = (
            _("made to answer, it would be right on %(share)s", share=share(forced))
            if isinstance(forced, int | float)
            else ""
        )
        shown = control_names().get(name, name.replace("_", " "))
        suggested = rated(shown, numbers.get("suggested"), text, patients_known(card))
        bars.append(suggested or Bar(shown, float(numbers["coverage"]), text=text))
    forest = rated(
        _("Colour statistics alone"),
        main.get("colour_statistics_forest"),
        _("a random forest that sees no shapes, right on this share"),
        patients_known(card),
    )
    return bars + ([forest] if forest else [])


def sensitivity_bars(card: Card, main: dict[str, Any]) -> list[Bar]:
    """Return the share of each class that was recognised, had it always answered."""
    found = main.get("sensitivity")
    if not isinstance(found, dict):
        return []
    patients = patients_known(card)
    bars = (rated(label.name, found.get(label.id), patients=patients) for label in card.labels)
    return [bar for bar in bars if bar]


def scores_by_class(card: Card, main: dict[str, Any]) -> list[tuple[str, ClassScores]]:
    """Return each class's name with its scores, had it always answered; [] where a card has no confusion matrix."""
    confusion = main.get("confusion")
    if not isinstance(confusion, list) or [len(row) for row in confusion] != [len(card.labels)] * len(card.labels):
        return []
    return [(label.name, scores) for label, scores in zip(card.labels, class_scores(confusion), strict=True)]


def renderings(card: Card) -> list[Rendering]:
    """Return what `python -m training stress` found of a model, in its order; [] where it was not measured."""
    measured = card.metrics.get("stress")
    rows = measured.get("renderings") if isinstance(measured, dict) else None
    found = []
    for row in rows or []:
        own, suggested, right, others, others_suggested = (
            int(row[key]) for key in ("own", "suggested", "right", "others", "others_suggested")
        )
        if own:
            accuracy = right / suggested if suggested else None
            found.append(Rendering(str(row["rendering"]), suggested / own, accuracy, others, others_suggested))
    return found


def share(value: float) -> str:
    """Write a share as people say it."""
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"

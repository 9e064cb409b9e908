"""One plain paragraph on whether a result can be believed."""

from dataclasses import dataclass

from smear import measured
from smear.inference.card import Card
from smear.inference.floors import SHORTCUT
from smear.measured import Difference, Expected, Laboratories, Rate
from training.evaluation.metrics import Metrics


@dataclass(frozen=True)
class Earlier:
    """The model to compare with: its name, and its accuracy on the same data under the same protocol.

    gain: by how much the model's accuracy exceeds it, where both answered to the same pictures.
    """

    name: str
    accuracy: Rate
    gain: Difference | None = None


@dataclass(frozen=True)
class Colours:
    """The forest on colours: its accuracy on the same pictures, and by how much the model's exceeds it."""

    accuracy: Rate
    gain: Difference


def percent(share: float | None) -> str:
    """Return a share in per cent with one digit, or "none"."""
    return "none" if share is None else f"{100 * share:.1f} %"


def weakest(metrics: Metrics, names: dict[str, str]) -> str:
    """Return the sentence on the class that is recognised least. names: of labels, by their ids."""
    shares = {label: rate.value for label, rate in metrics.sensitivity.items() if rate.value is not None}
    label = min(shares, key=lambda label: shares[label])
    return f"Its weakest class is {names.get(label, label)}, of which it recognises {percent(shares[label])}."


def recorded(card: Card, fingerprint: str, protocol: str) -> Earlier | None:
    """Return a bundle, where its card has a result on the data of this fingerprint by this protocol."""
    result = measured.result(card.metrics, protocol)
    if card.data.get("fingerprint") != fingerprint or result is None or result.accuracy_all is None:
        return None
    return Earlier(f"{card.name} {card.version}", result.accuracy_all)


def compared(accuracy: Rate, earlier: Earlier) -> str:
    """Return the sentence that compares an accuracy with that of another model."""
    gain = 100 * ((accuracy.value or 0.0) - (earlier.accuracy.value or 0.0))
    if earlier.gain is not None:
        apart = not earlier.gain.within_noise
    else:
        apart = accuracy.low > earlier.accuracy.high or accuracy.high < earlier.accuracy.low
    times = f"{abs(gain):.1f} percentage points {'more' if gain >= 0 else 'less'} often"
    chance = "more than chance explains" if apart else "which is within chance"
    return f"Against {earlier.name} it is right {times}, {chance}."


def interval(rate: Rate, groups_from: str) -> str:
    """Return the interval of a rate in words, with that by picture beside it where whole groups were drawn."""
    words = f"95 % interval {percent(rate.low)} to {percent(rate.high)}"
    if rate.wilson is None:
        return f"{words}, each picture counted by itself"
    groups = f"{rate.groups} patients" if groups_from == "patients" else f"{rate.groups} groups of pictures"
    low, high = rate.wilson
    return f"{words} by {groups}; {percent(low)} to {percent(high)} if each picture counted by itself"


def unseen(expected: Expected) -> str:
    """Return the sentence on what a laboratory that it has never seen may expect."""
    right = (
        f"{percent(expected.accuracy_suggested)} of these right (at worst {percent(expected.accuracy_suggested_worst)})"
        if expected.accuracy_suggested is not None
        else "which is none"
    )
    return (
        f"A laboratory that it has never seen: expect a suggestion for {percent(expected.coverage)} of cells (at worst"
        f" {percent(expected.coverage_worst)}), {right}, and {percent(expected.accuracy_all)} right if it always"
        f" answered (at worst {percent(expected.accuracy_all_worst)}); of {expected.laboratories} laboratories, each of"
        " which was held out."
    )


def conclude(
    metrics: Metrics,
    names: dict[str, str],
    colours: Colours | None = None,
    earlier: Earlier | None = None,
    groups_from: str = "",
    laboratories: Laboratories | None = None,
) -> str:
    """Return the paragraph for a result with its ablations.

    `names`: of the labels, by their ids; `colours`: the forest on colours, where it is known; `groups_from`: by what
    pictures are kept together, as `Dataset.groups_from` says; `laboratories`: what each of them says, where they were
    held out.
    """
    suggested, accuracy = metrics.accuracy_suggested, metrics.accuracy_all
    answered = f"had it answered always, it would be right on {percent(accuracy.value)}"
    if suggested.total:
        sentences = [
            f"It makes a suggestion for {percent(metrics.coverage)} of {metrics.n} pictures and is right on"
            f" {percent(suggested.value)} of those ({interval(suggested, groups_from)}); {answered}."
        ]
    else:
        sentences = [f"It makes a suggestion for none of {metrics.n} pictures; {answered}."]
    sentences.append(weakest(metrics, names))
    if laboratories is not None:
        sentences.append(unseen(laboratories.expected))
    removed = metrics.ablations["cells_removed"].coverage if "cells_removed" in metrics.ablations else None
    if removed is not None and removed > SHORTCUT:
        sentences.append(
            f"Beware: with every leukocyte painted out it still makes a suggestion for {percent(removed)}."
            " It reads something of the slide."
        )
    elif removed is not None:
        sentences.append(f"With every leukocyte painted out it makes a suggestion for {percent(removed)} only.")
    if colours is not None:
        clear = colours.gain.low > 0
        sentences.append(
            "A simple method that is told the picture's colours and no shape (a random forest on 15 colour statistics)"
            f" reaches {percent(colours.accuracy.value)} on the same pictures:"
            + (" the model is clearly better." if clear else " the model is not clearly better.")
        )
    if earlier is not None:
        sentences.append(compared(accuracy, earlier))
    return " ".join(sentences)

"""One plain paragraph on whether a result can be believed."""

from dataclasses import dataclass

import msgspec

from smear.inference.card import Card
from training.evaluation.metrics import Metrics, Rate

SHORTCUT_SUGGESTED = 0.02  # more suggestions than this without a leukocyte in sight: the model reads the slide


@dataclass(frozen=True)
class Earlier:
    """The model to compare with: its name, and its accuracy on the same data under the same protocol."""

    name: str
    accuracy: Rate


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
    result = card.metrics.get(protocol)
    if card.data.get("fingerprint") != fingerprint or not isinstance(result, dict):
        return None
    return Earlier(f"{card.name} {card.version}", msgspec.convert(result["accuracy_all"], Rate))


def compared(accuracy: Rate, earlier: Earlier) -> str:
    """Return the sentence that compares an accuracy with that of another model."""
    gain = 100 * ((accuracy.value or 0.0) - (earlier.accuracy.value or 0.0))
    apart = accuracy.low > earlier.accuracy.high or accuracy.high < earlier.accuracy.low
    times = f"{abs(gain):.1f} percentage points {'more' if gain >= 0 else 'less'} often"
    chance = "more than chance explains" if apart else "which is within chance"
    return f"Against {earlier.name} it is right {times}, {chance}."


def conclude(
    metrics: Metrics, names: dict[str, str], baseline: Rate | None = None, earlier: Earlier | None = None
) -> str:
    """Return the paragraph for a result with its ablations.

    `names`: of the labels, by their ids; `baseline`: the accuracy of the forest on colours, where it is known.
    """
    suggested, accuracy = metrics.accuracy_suggested, metrics.accuracy_all
    sentences = [
        f"It makes a suggestion for {percent(metrics.coverage)} of {metrics.n} pictures and is right on"
        f" {percent(suggested.value)} of those (95 % interval {percent(suggested.low)} to"
        f" {percent(suggested.high)}); had it answered always, it would be right on {percent(accuracy.value)}."
    ]
    sentences.append(weakest(metrics, names))
    removed = metrics.ablations["cells_removed"].coverage
    if removed > SHORTCUT_SUGGESTED:
        sentences.append(
            f"Beware: with every leukocyte painted out it still makes a suggestion for {percent(removed)}."
            " It reads something of the slide."
        )
    else:
        sentences.append(f"With every leukocyte painted out it makes a suggestion for {percent(removed)} only.")
    if baseline is not None:
        clear = accuracy.low > baseline.high
        sentences.append(
            "A simple method that is told the picture's colours and no shape (a random forest on 15 colour statistics)"
            f" reaches {percent(baseline.value)} on the same pictures:"
            + (" the model is clearly better." if clear else " the model is not clearly better.")
        )
    if earlier is not None:
        sentences.append(compared(accuracy, earlier))
    return " ".join(sentences)

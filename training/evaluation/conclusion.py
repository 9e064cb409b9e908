"""One plain paragraph on whether a result can be believed."""

from typing import Any

from smear.inference.card import Card

SHORTCUT_SUGGESTED = 0.02  # more suggestions than this without a leukocyte in sight: the model reads the slide


def percent(share: float | None) -> str:
    """Return a share in per cent with one digit, or "none"."""
    return "none" if share is None else f"{100 * share:.1f} %"


def weakest(result: dict[str, Any], names: dict[str, str]) -> str:
    """Return the sentence on the class that is recognised least. names: of labels, by their ids."""
    told = {label: rate["value"] for label, rate in result["sensitivity"].items() if rate["value"] is not None}
    label = min(told, key=lambda one: told[one])
    return f"Its weakest class is {names.get(label, label)}, of which it recognises {percent(told[label])}."


def recorded(card: Card, fingerprint: str, protocol: str) -> tuple[str, dict[str, Any]] | None:
    """Return name and result of a bundle, where its card has one on the data of this fingerprint by this protocol."""
    result = card.metrics.get(protocol)
    same = card.data.get("fingerprint") == fingerprint
    return (f"{card.name} {card.version}", result) if same and isinstance(result, dict) else None


def compared(result: dict[str, Any], earlier: dict[str, Any], name: str) -> str:
    """Return the sentence that compares a result with that of `name`, on the same data under the same protocol."""
    new, old = result["accuracy_all"], earlier["accuracy_all"]
    gain = 100 * (new["value"] - old["value"])
    apart = new["low"] > old["high"] or new["high"] < old["low"]
    return f"Against {name} it is right {abs(gain):.1f} percentage points {'more' if gain >= 0 else 'less'} often," + (
        " more than chance explains." if apart else " which is within chance."
    )


def conclude(result: dict[str, Any], names: dict[str, str], earlier: tuple[str, dict[str, Any]] | None = None) -> str:
    """Return the paragraph for a result (metrics, controls, and where known the colour baseline).

    `names`: of the labels, by their ids; `earlier`: name and result of the model to compare with, measured on the same
    data under the same protocol.
    """
    suggested, accuracy = result["accuracy_suggested"], result["accuracy_all"]
    sentences = [
        f"It makes a suggestion for {percent(result['coverage'])} of {result['n']} pictures and is right on"
        f" {percent(suggested['value'])} of those (95 % interval {percent(suggested['low'])} to"
        f" {percent(suggested['high'])}); had it answered always, it would be right on {percent(accuracy['value'])}."
    ]
    sentences.append(weakest(result, names))
    removed = result["controls"]["cells_removed"]["coverage"]
    if removed > SHORTCUT_SUGGESTED:
        sentences.append(
            f"Beware: with every leukocyte painted out it still makes a suggestion for {percent(removed)}."
            " It reads something of the slide."
        )
    else:
        sentences.append(f"With every leukocyte painted out it makes a suggestion for {percent(removed)} only.")
    if "colour_statistics_forest" in result:
        forest = result["colour_statistics_forest"]
        clear = accuracy["low"] > forest["high"]
        sentences.append(
            f"A forest on colour statistics alone reaches {percent(forest['value'])} on the same pictures:"
            + (" the model is clearly better." if clear else " the model is not clearly better.")
        )
    if earlier is not None:
        name, before = earlier
        sentences.append(compared(result, before, name))
    return " ".join(sentences)

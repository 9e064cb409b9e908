"""One plain paragraph on whether a result can be believed."""

from typing import Any

SHORTCUT_SUGGESTED = 0.02  # more suggestions than this without a leukocyte in sight: the model reads the slide


def percent(share: float | None) -> str:
    """Return a share in per cent with one digit, or "none"."""
    return "none" if share is None else f"{100 * share:.1f} %"


def verdict(result: dict[str, Any], earlier: dict[str, Any] | None = None) -> str:
    """Return the paragraph for a result (metrics, controls, and where known the colour baseline).

    `earlier`: the same of the model that is in use, measured on the same data under the same protocol.
    """
    suggested, accuracy = result["accuracy_suggested"], result["accuracy_all"]
    sentences = [
        f"It makes a suggestion for {percent(result['coverage'])} of {result['n']} pictures and is right on"
        f" {percent(suggested['value'])} of those (95 % interval {percent(suggested['low'])} to"
        f" {percent(suggested['high'])}); had it answered always, it would be right on {percent(accuracy['value'])}."
    ]
    weakest = min(
        (one for one in result["sensitivity"].items() if one[1]["value"] is not None), key=lambda one: one[1]["value"]
    )
    sentences.append(f"Its weakest class is {weakest[0]}, of which it recognises {percent(weakest[1]['value'])}.")
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
        gain = accuracy["value"] - earlier["accuracy_all"]["value"]
        apart = accuracy["low"] > earlier["accuracy_all"]["high"] or accuracy["high"] < earlier["accuracy_all"]["low"]
        sentences.append(
            f"Against the published one it is {percent(abs(gain))} {'better' if gain >= 0 else 'worse'},"
            + (" more than chance explains." if apart else " which is within chance.")
        )
    return " ".join(sentences)

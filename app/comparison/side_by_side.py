"""Models of one kind side by side on one scale: first on the lab's own signed cases, then by what their cards say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask_babel import gettext as _

from app.comparison import answers, paired
from app.comparison.answers import Model
from app.registry.figures import Bar, control_bars, main_result, protocol_bars, results_of, share
from app.reviewed.labels import Labelled
from smear.inference import floors
from smear.inference.card import Card


@dataclass(frozen=True)
class Measure:
    """One thing that was measured of models: their bars, called as they are, and of whom there is nothing to say.

    wanted: whether more is better; of a control less is.
    """

    title: str
    bars: list[Bar]
    missing: list[str]
    wanted: bool = True


def measures(cards: Sequence[Card], lab_id: int) -> list[Measure]:
    """Return what is known of models, the lab's own signed cases first, then by protocol, then the controls."""
    titles = {
        floors.RELEASE: _("On images of the laboratory that it was adapted to, right when it suggests"),
        "source": _("On another laboratory's images, right when it suggests"),
        "grouped": _("On patients or slides it had not seen, right when it suggests"),
        "random": _("Random split, optimistic: right when it suggests"),
    }
    labelled = answers.labelled(lab_id, cards[0].scope) if cards else []
    read = answers.answers([model_of(card) for card in cards], {item.image.id for item in labelled})
    signed = _("On the signed cases of this laboratory, right when it suggests")
    by_protocol = [protocol_bars(card) for card in cards]
    controls = [{bar.name: bar for bar in control_bars(card, main_result(card, results_of(card)))} for card in cards]
    return [
        measure(signed, cards, [on(labelled, card, read[model_of(card)]) for card in cards]),
        *(
            measure(titles[name], cards, [bars.get(name) for bars in by_protocol])
            for name in titles
            if any(name in bars for bars in by_protocol)
        ),
        *(
            measure(_("Control: %(name)s", name=name), cards, [bars.get(name) for bars in controls], wanted=False)
            for name in dict.fromkeys(name for bars in controls for name in bars)
        ),
    ]


def measure(title: str, cards: Sequence[Card], bars: Sequence[Bar | str | None], wanted: bool = True) -> Measure:
    """Return a measure of the bars of models; None or why for one that has none."""
    there, missing = [], []
    for card, bar in zip(cards, bars, strict=True):
        name = f"{card.name} {card.version}"
        if isinstance(bar, Bar):
            there.append(replace(bar, name=name))
        else:
            missing.append(f"{name} ({bar})" if bar else name)
    return Measure(title, there, missing, wanted)


def model_of(card: Card) -> Model:
    """Return the version that a card describes."""
    return Model(card.name, card.version, card.scope)


def on(labelled: Sequence[Labelled], card: Card, suggestions: dict[answers.Key, str | None]) -> Bar | str | None:
    """Return how often a model's suggestions were right on labelled pictures; None where it read none of them.

    Why, where it suggested nothing, so that nothing is right or wrong.

    The limits are exact (Clopper and Pearson 1934), by picture.
    """
    results = [
        paired.result(suggestions[key], item.label)
        for item in labelled
        if (key := (item.image.id, item.number)) in suggestions
    ]
    if not results:
        return None
    did = paired.of(results)
    if not did.right.total:
        return str(_("it suggested on none of the %(n)s that it read", n=len(results)))
    text = _("it suggests on %(share)s of the %(n)s that it read", share=share(did.suggested.value), n=len(results))
    return Bar(card.name, did.right.value, did.right.low, did.right.high, text)

"""Read every leukocyte of a picture by itself, with a bundle of scope `cell`.

`batches` and `conclude` stand before and behind the network, as `Reader.examine` and `Reader.conclude` do for fields:
the application puts its batching engine between, `read` asks the network itself.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from smear.arrays import Array
from smear.inference.bundle import Bundle
from smear.inference.card import Card
from smear.inference.network import Forward
from smear.inference.preprocess import prepare
from smear.inference.suggestion import Reason, Suggestion, not_gradable
from smear.quality.quality_control import assess
from smear.segmentation.field import Field
from smear.sentence import SentenceError

CUT = Reason("cut", "The border of the picture cuts this leukocyte.")
REPLACED = Reason("replaced", "Somebody outlined this leukocyte anew; it stands here under another number.")


class WrongScopeError(SentenceError):
    """A bundle that reads whole fields was asked about single cells; the sentence says so."""


def insist_on_cells(card: Card) -> None:
    """Raise WrongScopeError where the card's bundle reads whole fields."""
    if card.scope != "cell":
        raise WrongScopeError(f"The model '{card.name}' reads whole fields, not single cells.")


def refusals(field: Field) -> tuple[Reason, ...]:
    """Return why no cell of a field should be graded, as for the whole field; () for a sound one."""
    return tuple(Reason(finding.code, finding.text) for finding in assess(field) if finding.severity == "refuse")


def batches(card: Card, field: Field) -> Iterator[tuple[list[int], Array]]:
    """Yield the cells to be read, from 0, with what the network is given for them: uint8 (n, h, w, 3).

    n is at most the card's batch size. What the border cuts is left out, and what has no pixels any more.
    WrongScopeError where the card reads fields.
    """
    insist_on_cells(card)
    whole = [int(i) for i in np.flatnonzero(~field.cut & field.standing)]
    for start in range(0, len(whole), card.batch_size):
        part = whole[start : start + card.batch_size]
        yield part, np.stack([prepare(field, card, i) for i in part])


def conclude(bundle: Bundle, field: Field, answers: Iterable[tuple[list[int], Array, Forward]]) -> list[Suggestion]:
    """Return a suggestion for each cell of a field, given the network's answers for those that were read.

    answers: the cells' numbers, what the network was given for them, and what it said.
    """
    replaced = ~field.standing & ~field.cut
    suggestions = [not_gradable((REPLACED if gone else CUT,)) for gone in replaced]
    for part, shown, forward in answers:
        for place, i in enumerate(part):
            suggestions[i] = bundle.suggest(forward.logits[place], shown[place])
    return suggestions


def read(bundle: Bundle, field: Field) -> list[Suggestion]:
    """Return what `bundle` suggests for each leukocyte of `field`, in order.

    What the border cuts is not gradable, and no cell is in a picture that should not be graded. WrongScopeError where
    the bundle reads fields.
    """
    insist_on_cells(bundle.card)
    if suggestions := refused(field):
        return suggestions
    answers = ((part, shown, bundle.network.forward(shown)) for part, shown in batches(bundle.card, field))
    return conclude(bundle, field, answers)


def refused(field: Field) -> list[Suggestion]:
    """Return a refusal for each cell of a field that should not be graded; [] for any other field."""
    reasons = refusals(field)
    return [not_gradable(reasons) for _ in range(len(field))] if reasons else []

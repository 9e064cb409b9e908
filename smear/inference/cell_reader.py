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
from smear.inference.quality_control import assess
from smear.inference.suggestion import Reason, Suggestion, not_gradable, suggest
from smear.segmentation.find import Leukocytes

CUT = Reason("cut", "The border of the picture cuts this leukocyte.")


class WrongScopeError(ValueError):
    """A bundle that reads whole fields was asked about single cells; the sentence says so."""


def insist_on_cells(card: Card) -> None:
    """Raise WrongScopeError where the card's bundle reads whole fields."""
    if card.scope != "cell":
        raise WrongScopeError(f"The model '{card.name}' reads whole fields, not single cells.")


def refusals(rgb: Array, leukocytes: Leukocytes) -> tuple[Reason, ...]:
    """Return why nothing in `rgb`, uint8 (H, W, 3), should be graded, as for the whole field; () for a sound one."""
    return tuple(Reason(one.code, one.text) for one in assess(rgb, leukocytes) if one.severity == "refuse")


def batches(card: Card, rgb: Array, leukocytes: Leukocytes) -> Iterator[tuple[list[int], Array]]:
    """Yield the cells to be read, from 0, with what the network is given for them: uint8 (n, h, w, 3).

    n is at most the card's batch size. What the border cuts is left out. WrongScopeError where the card reads fields.
    """
    insist_on_cells(card)
    whole = [int(i) for i in np.flatnonzero(~leukocytes.cut)]
    for start in range(0, len(whole), card.batch_size):
        part = whole[start : start + card.batch_size]
        yield part, np.stack([prepare(rgb, card, leukocytes, i) for i in part])


def conclude(bundle: Bundle, cells: int, answers: Iterable[tuple[list[int], Array, Forward]]) -> list[Suggestion]:
    """Return a suggestion for each of that many cells, given the network's answers for those that were read.

    answers: the cells' numbers, what the network was given for them, and what it said.
    """
    said = [not_gradable((CUT,)) for _ in range(cells)]
    for part, seen, forward in answers:
        for place, i in enumerate(part):
            said[i] = suggest(forward.logits[place], bundle.novelty.of(seen[place]), bundle.card)
    return said


def read(bundle: Bundle, rgb: Array, leukocytes: Leukocytes) -> list[Suggestion]:
    """Return what `bundle` suggests for each of the leukocytes that were found in `rgb`, uint8 (H, W, 3), in order.

    What the border cuts is not gradable, and no cell is in a picture that should not be graded. WrongScopeError where
    the bundle reads fields.
    """
    insist_on_cells(bundle.card)
    if said := refused(rgb, leukocytes):
        return said
    answers = ((part, seen, bundle.network.forward(seen)) for part, seen in batches(bundle.card, rgb, leukocytes))
    return conclude(bundle, len(leukocytes), answers)


def refused(rgb: Array, leukocytes: Leukocytes) -> list[Suggestion]:
    """Return a refusal for each cell of a picture that should not be graded; [] for any other picture."""
    reasons = refusals(rgb, leukocytes)
    return [not_gradable(reasons) for _ in range(len(leukocytes))] if reasons else []

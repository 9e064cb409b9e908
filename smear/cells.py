"""Read every leukocyte of a picture by itself, with a bundle of scope `cell`."""

import numpy as np

from smear.arrays import Array
from smear.bundle import Bundle
from smear.leukocytes import Leukocytes
from smear.preprocess import prepare
from smear.suggestion import Reason, Suggestion, not_gradable, suggest

CUT = Reason("cut", "The border of the picture cuts this leukocyte.")


class WrongScopeError(ValueError):
    """A bundle that reads whole fields was asked about single cells; the sentence says so."""


def read(bundle: Bundle, rgb: Array, leukocytes: Leukocytes) -> list[Suggestion]:
    """Return what `bundle` suggests for each of the leukocytes that were found in `rgb`, uint8 (H, W, 3), in order.

    What the border cuts is not gradable. WrongScopeError where the bundle reads fields.
    """
    card = bundle.card
    if card.scope != "cell":
        raise WrongScopeError(f"The model '{card.name}' reads whole fields, not single cells.")
    said = [not_gradable((CUT,)) for _ in range(len(leukocytes))]
    whole = np.flatnonzero(~leukocytes.cut)
    for start in range(0, len(whole), card.batch_size):
        part = whole[start : start + card.batch_size]
        inputs = np.stack([prepare(rgb, card, leukocytes, int(i)) for i in part])
        forward = bundle.network.forward(inputs.astype(np.float32))
        novelty = bundle.novelty.score(forward.features)
        for place, i in enumerate(part):
            said[i] = suggest(forward.logits[place], float(novelty[place]), card)
    return said

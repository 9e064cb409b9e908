"""The orientations in which a network is shown one picture: a smear has no top and no bottom.

A network that was trained on turned and mirrored pictures still answers each a little differently. The mean over
several is steadier than any one (test-time augmentation; Krizhevsky et al. 2012). The logits are linear in the
features, so their mean is the last layer's answer to the mean of the features. Where the network is confident of the
upright picture the others change nothing, so they are asked of the rest only: a cascade (Viola and Jones 2001).
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from smear.arrays import Array

Count = Literal[1, 2, 4, 8]
UPRIGHT = 4  # beyond so many a picture lies on its side
ALWAYS = 1.0  # no answer is more confident, so every picture is shown in all orientations

_TURNS: tuple[Callable[[Array], Array], ...] = (  # each is its own inverse, but for the last two, which undo each other
    lambda batch: batch,
    lambda batch: batch[:, ::-1, ::-1],
    lambda batch: batch[:, :, ::-1],
    lambda batch: batch[:, ::-1],
    lambda batch: batch.swapaxes(1, 2),
    lambda batch: batch[:, ::-1, ::-1].swapaxes(1, 2),
    lambda batch: np.rot90(batch, 1, axes=(1, 2)),
    lambda batch: np.rot90(batch, -1, axes=(1, 2)),
)
_BACK = (0, 1, 2, 3, 4, 5, 7, 6)


def suits(count: Count, height: int, width: int) -> bool:
    """Return whether a picture of that size can be shown in so many orientations: on its side it has to be square."""
    return count <= UPRIGHT or height == width


def turned(batch: Array, which: range) -> Array:
    """Return `batch`, (N, H, W, C), in the orientations `which`, V of them, one after the other: (V * N, H, W, C).

    0 is upright, 1 turned by half, 2 and 3 are mirrored left to right and top to bottom; 4 to 7 are the same four of
    the picture on its side, for which it has to be square.
    """
    return np.concatenate([_TURNS[number](batch) for number in which])


def mean(values: Array, which: range) -> Array:
    """Return the mean over the orientations of what `turned` pictures gave, (V * N, ...): (N, ...)."""
    result: Array = np.stack(np.split(values, len(which))).mean(axis=0)
    return result


def mean_upright(grids: Array, which: range) -> Array:
    """Return the same of grids (V * N, h, w, C), each turned back before: (N, h, w, C)."""
    parts = zip(which, np.split(grids, len(which)), strict=True)
    result: Array = np.stack([_TURNS[_BACK[number]](part) for number, part in parts]).mean(axis=0)
    return result


def confident(logits: Array, limit: float) -> Array:
    """Return whether the softmax of `logits` (N, C), without temperature, gives one class more than `limit`: (N,)."""
    result: Array = 1 / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1) > limit
    return result


def decided(logits: Array, limit: float) -> Array:
    """Return what `averaged` comes to, from logits in every orientation, float (N, V, C), upright first: (N, C)."""
    mean_of_all: Array = logits.mean(axis=1)
    if limit >= ALWAYS:
        return mean_of_all
    upright: Array = logits[:, 0]
    return np.where(confident(upright, limit)[:, None], upright, mean_of_all)


def averaged(
    batch: Array, count: Count, limit: float, ask: Callable[[Array, range], tuple[Array, ...]]
) -> tuple[Array, ...]:
    """Return what `ask` answers for `batch` (N, H, W, C), in `count` orientations; upright alone where that is enough.

    limit: the confidence above which it is.

    ask: takes pictures and orientations, and returns logits first and whatever else goes with them, each (N, ...) and
    the mean over these orientations.
    """
    if limit >= ALWAYS or count == 1:
        return ask(batch, range(count))
    upright = tuple(part.copy() for part in ask(batch, range(1)))
    doubtful = ~confident(upright[0], limit)
    if doubtful.any():
        turned_ones = ask(batch[doubtful], range(1, count))
        for answer, more in zip(upright, turned_ones, strict=True):
            answer[doubtful] = (answer[doubtful] + more * (count - 1)) / count
    return upright

"""The orientations in which a network is shown one picture: a smear has no top and no bottom.

A network that was trained on turned and mirrored pictures still answers each a little differently. The mean over
several is steadier than any one (test-time augmentation; Krizhevsky et al. 2012). The logits are linear in the
features, so their mean is the last layer's answer to the mean of the features.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from smear.arrays import Array

Count = Literal[1, 2, 4, 8]
UPRIGHT = 4  # beyond so many a picture lies on its side

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


def turned(batch: Array, count: Count) -> Array:
    """Return `batch`, (N, H, W, C), in the first `count` orientations, one after the other: (count * N, H, W, C).

    Upright, by a half turn, mirrored left to right and top to bottom; then the same four of the picture on its side,
    for which it has to be square.
    """
    return batch if count == 1 else np.concatenate([turn(batch) for turn in _TURNS[:count]])


def mean(values: Array, count: Count) -> Array:
    """Return the mean over the orientations of what `turned` pictures gave, (count * N, ...): (N, ...)."""
    return values if count == 1 else np.stack(np.split(values, count)).mean(axis=0)


def mean_upright(grids: Array, count: Count) -> Array:
    """Return the same of grids (count * N, h, w, C), each turned back before: (N, h, w, C)."""
    if count == 1:
        return grids
    upright = [_TURNS[_BACK[number]](part) for number, part in enumerate(np.split(grids, count))]
    return np.stack(upright).mean(axis=0)

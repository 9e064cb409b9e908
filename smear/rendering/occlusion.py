"""A map for a label of which Grad-CAM shows nothing: what covering each place of the picture takes from its answer.

Grad-CAM keeps positive evidence at one layer, and a label can be named because the others are ruled out: then its map
is empty although the answer is sure. Occlusion (Zeiler and Fergus 2014) asks the network itself.
"""

import numpy as np

from smear.arrays import Array

PLACES = 6  # to a side
REACH = 1.5  # of a place's side: what is covered overlaps, so that an edge between two places is seen


def covered(shown: Array) -> Array:
    """Return a picture, uint8 (h, w, 3), with each place covered by its own mean colour: (PLACES * PLACES, h, w, 3)."""
    height, width = shown.shape[:2]
    colour = np.rint(shown.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
    pictures = np.repeat(shown[None], PLACES * PLACES, axis=0)
    for k, picture in enumerate(pictures):
        row, column = divmod(k, PLACES)
        top, bottom = _span(row, height)
        left, right = _span(column, width)
        picture[top:bottom, left:right] = colour
    return pictures


def _span(place: int, length: int) -> tuple[int, int]:
    """Return where along a side of that length what covers a place begins and ends."""
    side = length / PLACES
    middle = (place + 0.5) * side
    return max(0, round(middle - REACH * side / 2)), min(length, round(middle + REACH * side / 2))


def grid(logits: Array, index: int) -> Array:
    """Return how much each place counts for label `index`, float32 (PLACES, PLACES), >= 0.

    logits: (1 + PLACES * PLACES, C), of the picture and of it with each place covered. What counts is the label's lead
    over the mean of the others, which is what its answer rests on.
    """
    lead = logits[:, index] - np.delete(logits, index, axis=1).mean(axis=1)
    lost: Array = np.maximum(0, lead[0] - lead[1:]).reshape(PLACES, PLACES).astype(np.float32)
    return lost

"""Pictures that take something away, to see what a model reads. A model that needs the cells fails without them.

Each is uint8 RGB, of the size of the picture that it is made of.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from smear.arrays import Array
from smear.inference.preprocess import Sight, only_leukocytes
from smear.segmentation.field import Field
from training.data.groups import painted_out

CORNER = (19 / 224, 44 / 224)  # height and width of the scale bar's corner, lower right, of a Taleghani field


def cells_removed(field: Field) -> Array:
    """Paint every leukocyte in the background colour: only the slide is left."""
    return painted_out(field.rgb, field.cells)


def background_removed(field: Field) -> Array:
    """Paint everything but the leukocytes white: only the cells are left."""
    return only_leukocytes(Sight(field.rgb, field), segmenter="network").rgb


def corner_only(rgb: Array) -> Array:
    """Keep the corner with the scale bar, everything else white."""
    height, width = max(1, round(rgb.shape[0] * CORNER[0])), max(1, round(rgb.shape[1] * CORNER[1]))
    corner = np.full_like(rgb, 255)
    corner[-height:, -width:] = rgb[-height:, -width:]
    return corner


def grey(rgb: Array) -> Array:
    """Take the colour away."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


ABLATIONS: Mapping[str, Callable[[Field], Array]] = {
    "cells_removed": cells_removed,
    "background_removed": background_removed,
    "corner_only": lambda field: corner_only(field.rgb),
    "grey": lambda field: grey(field.rgb),
}


def colour_statistics(rgb: Array) -> Array:
    """Return mean, deviation and three quantiles of each RGB channel, float (15,): all that the forest is told."""
    values = rgb.reshape(-1, 3).astype(np.float32)
    return np.concatenate(
        [values.mean(axis=0), values.std(axis=0), np.quantile(values, (0.1, 0.5, 0.9), axis=0).ravel()]
    )

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


def colour_only(field: Field) -> Array:
    """Give every leukocyte one colour, the mean of its own: size, outline and colour stay, what is in it goes."""
    rgb = field.rgb
    labels = cv2.resize(field.labels.astype(np.uint16), rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST).ravel()
    count = int(labels.max(initial=0)) + 1
    sizes = np.maximum(np.bincount(labels, minlength=count), 1)
    means = np.stack(
        [np.bincount(labels, channel.ravel(), count) / sizes for channel in np.moveaxis(rgb, 2, 0)], axis=1
    )
    flat = np.where((labels > 0)[:, None], means[labels].round(), rgb.reshape(-1, 3)).astype(np.uint8)
    return np.asarray(flat.reshape(rgb.shape))


ABLATIONS: Mapping[str, Callable[[Field], Array]] = {
    "cells_removed": cells_removed,
    "background_removed": background_removed,
    "corner_only": lambda field: corner_only(field.rgb),
    "colour_only": colour_only,
    "grey": lambda field: grey(field.rgb),
}


def colour_statistics(rgb: Array) -> Array:
    """Return mean, deviation and three quantiles of each RGB channel, float (15,): all that the forest is told."""
    values = rgb.reshape(-1, 3).astype(np.float32)
    return np.concatenate(
        [values.mean(axis=0), values.std(axis=0), np.quantile(values, (0.1, 0.5, 0.9), axis=0).ravel()]
    )

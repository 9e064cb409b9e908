"""The outlines of a field's leukocytes as a file: a 16-bit grey PNG beside the picture, so that nobody segments twice.

Of each value the low 15 bits are the number of the leukocyte, 0 outside, and the highest bit is set in its nucleus. The
file also says what drew the outlines and which colour the background had for it.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin

from smear.arrays import Array
from smear.segmentation.field import Field, unsegmented, with_leukocytes

NUCLEUS = 1 << 15
MOST = NUCLEUS - 1  # leukocytes that can be told apart
BACKGROUND, SEGMENTER = "background", "segmenter"  # keys of the PNG's text
MAX_PIXELS = 640 * 640


class LabelMapError(ValueError):
    """A file that is not the label map of this picture; the sentence says why."""


@dataclass(frozen=True)
class LabelMap:
    """A stored label map. values: uint16 (h, w) as in the file; background: uint8 RGB (3,); segmenter: its name."""

    values: Array
    background: Array
    segmenter: str


def encode(field: Field, segmenter: str) -> bytes:
    """Return the label map of `field` as PNG; segmenter: name and version of what drew it.

    Raises LabelMapError for more leukocytes than 15 bits can number.
    """
    if len(field) > MOST:
        raise LabelMapError(f"There are {len(field)} leukocytes; a label map can number {MOST}.")
    values = field.labels.astype(np.uint16) | np.where(field.nuclei, NUCLEUS, 0).astype(np.uint16)
    text = PngImagePlugin.PngInfo()
    text.add_text(BACKGROUND, ",".join(str(int(value)) for value in field.background))
    text.add_text(SEGMENTER, segmenter)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG", pnginfo=text, compress_level=1)
    return file.getvalue()


def read(data: bytes) -> LabelMap:
    """Return what `encode` wrote; LabelMapError for anything else."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.mode not in ("I;16", "I") or image.width * image.height > MAX_PIXELS:
                raise LabelMapError("This is no label map: it is not a 16-bit grey PNG of a working copy's size.")
            text = {str(key): str(value) for key, value in image.info.items()}
            values = np.asarray(image).astype(np.uint16)
        background = np.array([int(value) for value in text[BACKGROUND].split(",")], np.uint8)
        return LabelMap(values, background.reshape(3), text[SEGMENTER])
    except LabelMapError:
        raise
    except Exception as error:  # Pillow and NumPy raise whatever a damaged file drives them to
        raise LabelMapError("The label map is damaged.") from error


def decode(data: bytes, rgb: Array) -> Field:
    """Return the field of `rgb`, uint8 (H, W, 3), with the leukocytes of a stored label map: nothing is searched.

    Raises LabelMapError where the file is damaged or belongs to a picture of another size.
    """
    stored = read(data)
    field = unsegmented(rgb, stored.background)
    if stored.values.shape != field.labels.shape:
        raise LabelMapError("The label map belongs to a picture of another size.")
    return with_leukocytes(field, (stored.values & MOST).astype(np.int32), stored.values >= NUCLEUS)

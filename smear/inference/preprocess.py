"""From a picture to what a network sees: named steps with parameters, the same code for training and serving.

A card lists its steps in order. Every step takes and returns a `Sight`; new recipes add functions to `STEPS`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import background_colour, white_balanced
from smear.imaging.hsv import in_hsv_range
from smear.imaging.stain import denser
from smear.inference.card import Card, Input, Step
from smear.segmentation import thresholds
from smear.segmentation.field import Field
from smear.sentence import SentenceError

WHITE = 255
OPTICAL_DENSITY = "optical_density"


@dataclass(frozen=True)
class Sight:
    """A picture on its way to the network: uint8 RGB (h, w, 3), and the field that it was taken from.

    mask: bool (h, w), what `only_leukocytes` leaves standing, and what `one_leukocyte` chooses from, in place of the
    leukocytes, for pictures that are to show something else.
    whole: uint8 RGB (H, W, 3), the picture at its own size, where `rgb` is a smaller copy; chosen: the number of the
    leukocyte that `one_leukocyte` cuts out, 0 for the first; None for the one nearest to the middle.
    """

    rgb: Array
    field: Field
    mask: Array | None = None
    whole: Array | None = None
    chosen: int | None = None


def median(sight: Sight, size: int = 3) -> Sight:
    """Smooth by a median of `size` x `size` px, which keeps edges (median, then HSV: Bushi 2024, Murtoza)."""
    return replace(sight, rgb=cv2.medianBlur(sight.rgb, size))


def sharpen(sight: Sight) -> Sight:
    """Sharpen by the 3 x 3 kernel of five in the middle and minus one at its four sides (Bushi 2024)."""
    kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)
    return replace(sight, rgb=cv2.filter2D(sight.rgb, -1, kernel))


def crop(sight: Sight, share: float = 0.9) -> Sight:
    """Keep the middle `share` of both sides: the border with scale bar and vignette goes (CAMSR: Khan 2024)."""
    height, width = sight.rgb.shape[:2]
    dy, dx = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
    return replace(sight, rgb=np.ascontiguousarray(sight.rgb[dy : height - dy, dx : width - dx]))


def contrast(sight: Sight, clip: float = 0.01) -> Sight:
    """Stretch lightness so that the `clip` darkest and brightest shares become black and white (CAMSR: Khan 2024)."""
    lab = cv2.cvtColor(sight.rgb, cv2.COLOR_RGB2LAB)
    low, high = np.quantile(lab[..., 0], (clip, 1 - clip))
    stretched = (np.arange(256) - low) * 255 / max(float(high - low), 1.0)
    lab[..., 0] = np.clip(stretched, 0, 255).astype(np.uint8)[lab[..., 0]]
    return replace(sight, rgb=cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def emboss(sight: Sight) -> Sight:
    """Light the picture from one corner by a 3 x 3 kernel that keeps its brightness (CAMSR: Khan 2024)."""
    kernel = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.float32)
    return replace(sight, rgb=cv2.filter2D(sight.rgb, -1, kernel))


def white_balance(sight: Sight) -> Sight:
    """Divide by the background colour: the lamp and the camera's white balance leave the picture."""
    return replace(sight, rgb=white_balanced(sight.rgb, background_colour(sight.rgb)))


def only_leukocytes(sight: Sight, background: int = WHITE, segmenter: str = "thresholds") -> Sight:
    """Paint everything but the leukocytes in one grey value: the slide leaves the model's sight.

    segmenter: "network" for what `smear.segmentation.find.find` gives, or "thresholds" for what
    `smear.segmentation.thresholds` gives. A model has to see what it was trained on: cards that do not say are older
    than the network.
    """
    height, width = sight.rgb.shape[:2]
    cells = SEGMENTERS[segmenter](sight) if sight.mask is None else sight.mask
    if cells.shape != (height, width):
        cells = cv2.resize(cells.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).view(bool)
    painted = np.full_like(sight.rgb, background)
    np.copyto(painted, sight.rgb, where=cells[..., None])
    return replace(sight, rgb=painted)


def one_leukocyte(
    sight: Sight, background: int = WHITE, margin: float = 0.06, rim: float = 0.0, surroundings: bool = False
) -> Sight:
    """Cut out one leukocyte in a square with a `margin` of its longer side; all else is painted in one grey value.

    surroundings: whether what stands around it in that square is left. A blast is told by its size as well, and the
    erythrocytes beside it say how large it is.

    rim: share of the longer side that is taken off the leukocyte all around. Its outermost pixels are mixed with what
    stands behind it, and a network that sees them learns whether that was black.

    It is cut from the picture at its own size and divided by that picture's background colour, so that cells from a
    wide field, from a picture of their own and from a black surround come out alike. Their size does not: the network
    sees each as large as any other. Where there is no leukocyte nothing is left.
    """
    whole = sight.rgb if sight.whole is None else sight.whole
    mask = _leukocyte_mask(sight)
    x, y, w, h = cv2.boundingRect(mask)
    if not w:
        return replace(sight, rgb=np.full_like(sight.rgb, background))
    zoom = max(whole.shape[:2]) / max(mask.shape)
    side = max(8, round((1 + 2 * margin) * max(w, h) * zoom))
    # From the middles of the mask's pixels to those of the square's: an offset of half a pixel on both scales.
    move = np.array([[1, 0, side / 2 - (x + w / 2) * zoom], [0, 1, side / 2 - (y + h / 2) * zoom]])
    grown = np.array([[zoom, 0, move[0, 2] + (zoom - 1) / 2], [0, zoom, move[1, 2] + (zoom - 1) / 2]])
    cut = cv2.warpAffine(whole, move, (side, side), borderValue=(background,) * 3)
    balanced = white_balanced(cut, sight.field.background)
    if surroundings:
        return replace(sight, rgb=balanced)
    inside = cv2.warpAffine(mask * 255, grown, (side, side), flags=cv2.INTER_LINEAR) > 127
    if rim:
        inside = _without_rim(inside, round(rim * max(w, h) * zoom))
    painted = np.full_like(cut, background)
    np.copyto(painted, balanced, where=inside[..., None])
    return replace(sight, rgb=painted)


def _without_rim(mask: Array, width: int) -> Array:
    """Return a mask, bool (h, w), less the pixels within `width` of its edge."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1,) * 2)
    return cv2.erode(mask.view(np.uint8), disc, borderValue=0).view(bool)


def _leukocyte_mask(sight: Sight) -> Array:
    """Return the mask of the chosen leukocyte, or of the one nearest to the middle, uint8 0/1 (h, w)."""
    if sight.mask is None:
        labels, count = sight.field.labels, len(sight.field)
    else:
        count, labels = cv2.connectedComponents(sight.mask.view(np.uint8))
        count -= 1
    if not count:
        return np.zeros(labels.shape, np.uint8)
    label = nearest_to_middle(labels, count) if sight.chosen is None else sight.chosen
    result: Array = (labels == label + 1).view(np.uint8)
    return result


def nearest_to_middle(labels: Array, count: int) -> int:
    """Return which of the labels 1..count has its centre nearest to the middle of the picture, 0 for label 1."""
    at = np.flatnonzero(labels)
    label, (y, x) = labels.ravel()[at], np.divmod(at, labels.shape[1])
    area = np.maximum(np.bincount(label, minlength=count + 1), 1)
    middle_y, middle_x = (np.array(labels.shape) - 1) / 2
    away = np.hypot(
        np.bincount(label, weights=x, minlength=count + 1) / area - middle_x,
        np.bincount(label, weights=y, minlength=count + 1) / area - middle_y,
    )
    return int(away[1:].argmin())


SEGMENTERS: Mapping[str, Callable[[Sight], Array]] = {
    "thresholds": lambda sight: thresholds.find(sight.field.small).cells,
    "network": lambda sight: sight.field.cells,
}


def hsv_range(sight: Sight, lower: Sequence[int], upper: Sequence[int], background: int = WHITE) -> Sight:
    """Paint everything outside one fixed range of HSV in one grey value.

    The published way (median, RGB to HSV, `inRange`: Bushi 2024; an HSV colour threshold also in Murtoza), kept for
    recipes that repeat it. The range is the slide's and not the picture's: it fails on the next laboratory's stain.
    """
    for bound in (lower, upper):
        if len(bound) != 3 or not all(isinstance(value, int) for value in bound):
            raise TypeError("A bound has three whole numbers: hue, saturation, value.")
    inside = in_hsv_range(sight.rgb, lower, upper)
    painted = np.full_like(sight.rgb, background)
    np.copyto(painted, sight.rgb, where=inside[..., None])
    return replace(sight, rgb=painted)


def optical_density(sight: Sight, gains: Sequence[float]) -> Sight:
    """Make the stain as dense as another laboratory's; gains: of red, green and blue, see `smear.imaging.stain`."""
    return replace(sight, rgb=denser(sight.rgb, gains))


def resize(sight: Sight, height: int, width: int) -> Sight:
    """Bring to the network's size, by area when shrinking, by cubic interpolation when growing."""
    if sight.rgb.shape[:2] == (height, width):
        return sight
    shrinking = sight.rgb.shape[0] * sight.rgb.shape[1] > height * width
    method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    return replace(sight, rgb=cv2.resize(sight.rgb, (width, height), interpolation=method))


STEPS: Mapping[str, Callable[..., Sight]] = {
    "median": median,
    "sharpen": sharpen,
    "crop": crop,
    "contrast": contrast,
    "emboss": emboss,
    "white_balance": white_balance,
    "only_leukocytes": only_leukocytes,
    "one_leukocyte": one_leukocyte,
    "hsv_range": hsv_range,
    OPTICAL_DENSITY: optical_density,
    "resize": resize,
}


class UnknownStepError(SentenceError):
    """A card or recipe names a step that this version does not have, or parameters that the step does not take."""


def run(steps: Sequence[Step], sight: Sight) -> Sight:
    """Return `sight` after all `steps`; UnknownStepError where one is not in `STEPS` or refuses its parameters."""
    for step in steps:
        if step.name not in STEPS:
            raise UnknownStepError(f"There is no preprocessing step '{step.name}'. Known: {', '.join(STEPS)}.")
        parameters: dict[str, Any] = step.parameters
        try:
            sight = STEPS[step.name](sight, **parameters)
        except (TypeError, KeyError) as error:
            raise UnknownStepError(f"The step '{step.name}' does not take {parameters}.") from error
    return sight


def begin(field: Field, chosen: int | None = None) -> Sight:
    """Return the start of every chain: the working copy of a field (long side at most 640 px)."""
    return Sight(field.small, field, whole=field.rgb, chosen=chosen)


def chain(steps: Sequence[Step], size: Input) -> tuple[Step, ...]:
    """Return all the steps to a network's input: those of a card or recipe, and the resize to its input size."""
    return (*steps, Step("resize", {"height": size.height, "width": size.width}))


def prepare(field: Field, card: Card, chosen: int | None = None) -> Array:
    """Return what the card's network is given for a field, or for its leukocyte `chosen`: uint8 (height, width, 3)."""
    return run(chain(card.preprocess, card.input), begin(field, chosen)).rgb

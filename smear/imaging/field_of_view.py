"""The round field of view that a camera or a phone sees through an eyepiece: found, and cut to what is in it.

Around it is the dark inside of the tube. Left in, that is darker than any nucleus, and its edge sharper than a cell's.
What is kept is the largest upright rectangle within the circle and the picture. A cell that was cut out on black
(`smear.imaging.background.black_surround`) is round as well; but where a field of view is bright, a cell is stained.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from smear.arrays import Array, compare
from smear.imaging.memory import moved
from smear.imaging.picture import MIN_SIDE, Picture

SIDE = 320  # of the copy on which the circle is looked for
DARK = 0.35  # of the light of the field: what is darker all around is the tube
LIGHT = 0.9  # quantile of the brightest channel that is the light of the field
LEAST_DARK, MOST_DARK = 0.02, 0.9  # share of the picture
LEAST_ARC = 0.2  # of the circle that has to be seen against the dark
LARGEST_MISS = 0.02  # of the radius by which the edge may miss a circle, root mean square
PALE = 0.5  # share of the field that has to be about as bright as its background: erythrocytes are, leukocytes are not
NEARLY = 0.62  # as bright: of the light of the field, in the darkest channel
SAFETY = 0.95  # of the radius: the rim is soft and coloured
NOTE = "The round field of view was cut out: {} x {} pixels of {} x {} are read."
CAUTION = 0.5  # of LEAST_DARK: what is less dark than that by some of its pixels is not so by all of them
STEPS = 64  # widths of the rectangle that are tried


@dataclass(frozen=True)
class Circle:
    """Centre and radius in pixels of the picture; the centre may lie outside of it."""

    x: float
    y: float
    radius: float


def framed(picture: Picture) -> Picture:
    """Return a decoded picture cut to its round field of view, with a note that says so; any other as it is."""
    circle = find(picture.rgb)
    if circle is None:
        return picture
    inside = cut(picture.rgb, circle)
    if min(inside.shape[:2]) < MIN_SIDE:
        return picture
    size = picture.rgb.shape[:2]
    inside = moved(inside)
    inside.setflags(write=False)
    note = NOTE.format(inside.shape[1], inside.shape[0], size[1], size[0])
    return replace(picture, rgb=inside, notes=(*picture.notes, note))


def find(rgb: Array) -> Circle | None:
    """Return the circle outside of which a picture, uint8 RGB (H, W, 3), is dark; None where there is none."""
    if not _may_be_round(rgb):
        return None
    scale = max(1.0, max(rgb.shape[:2]) / SIDE)
    size = max(1, round(rgb.shape[1] / scale)), max(1, round(rgb.shape[0] / scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale > 1 else rgb
    brightest = cv2.max(cv2.max(small[..., 0], small[..., 1]), small[..., 2])
    light = float(np.quantile(brightest, LIGHT))
    dark = compare(brightest, DARK * light, cv2.CMP_LT)
    share = cv2.countNonZero(dark) / dark.size
    if light < 1 or not LEAST_DARK < share < MOST_DARK:
        return None
    field = _largest(cv2.bitwise_not(dark))
    circle = _fitted(field)
    if circle is None or not _is_field(small, field, light):
        return None
    return Circle((circle.x + 0.5) * scale - 0.5, (circle.y + 0.5) * scale - 0.5, circle.radius * scale)


def _may_be_round(rgb: Array) -> bool:
    """Return whether enough of a picture may be dark, by some of its pixels: shrinking a large one takes long."""
    step = max(1, max(rgb.shape[:2]) // SIDE)
    brightest = rgb[::step, ::step].max(axis=2)
    share = int(np.count_nonzero(brightest < DARK * np.quantile(brightest, LIGHT))) / brightest.size
    return bool(share > LEAST_DARK * CAUTION)


def cut(rgb: Array, circle: Circle) -> Array:
    """Return the largest upright rectangle of a picture within a circle, a view of `rgb`."""
    height, width = rgb.shape[:2]
    radius = SAFETY * circle.radius
    best = 0, (0, 0, width, height)
    for across in radius * np.linspace(0.1, 0.995, STEPS):
        down = float(np.sqrt(radius**2 - across**2))
        x0, x1 = max(0, int(np.ceil(circle.x - across))), min(width, int(circle.x + across))
        y0, y1 = max(0, int(np.ceil(circle.y - down))), min(height, int(circle.y + down))
        best = max(best, (max(0, x1 - x0) * max(0, y1 - y0), (x0, y0, x1, y1)))
    x0, y0, x1, y1 = best[1]
    return rgb[y0:y1, x0:x1]


def _largest(mask: Array) -> Array:
    """Return the largest connected part of a mask, uint8 0 or 255, with its holes filled."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(mask)
    if contours:
        cv2.drawContours(filled, [max(contours, key=cv2.contourArea)], -1, 255, cv2.FILLED)
    return filled


def _fitted(field: Array) -> Circle | None:
    """Return the circle whose arc is the edge of `field` within the picture (least squares: Kasa 1976)."""
    contours, _ = cv2.findContours(field, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    height, width = field.shape
    points = max(contours, key=len).reshape(-1, 2).astype(np.float64)
    inside = (points > 1).all(axis=1) & (points < np.array([width, height]) - 2).all(axis=1)
    edge = points[inside]
    if len(edge) < 16:
        return None
    system = np.column_stack([2 * edge, np.ones(len(edge))])
    (x, y, rest), *_ = np.linalg.lstsq(system, (edge**2).sum(axis=1), rcond=None)
    radius = float(np.sqrt(max(rest + x * x + y * y, 0)))
    away = np.hypot(edge[:, 0] - x, edge[:, 1] - y) - radius
    if radius < 1 or np.sqrt((away**2).mean()) > LARGEST_MISS * radius or len(edge) < LEAST_ARC * 2 * np.pi * radius:
        return None
    return Circle(float(x), float(y), radius)


def _is_field(rgb: Array, field: Array, light: float) -> bool:
    """Whether most of what is inside is as pale as background and erythrocytes are; a stained cell is not."""
    darkest = cv2.min(cv2.min(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    pale = cv2.bitwise_and(compare(darkest, NEARLY * light, cv2.CMP_GT), field)
    return cv2.countNonZero(pale) > PALE * max(1, cv2.countNonZero(field))

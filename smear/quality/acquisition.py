"""How a picture was taken and what was done to it since, in numbers: noise, sharpening, colour cast and the like.

What a camera, a program or a colour space does to a leukocyte can bring a foreign cell close to those that a model
knows, and make one of its own look like another class. The picture around the leukocytes gives it away. These numbers
join the description of the leukocytes in the out-of-distribution score (`smear.inference.ood`) of a model that reads
fields; measured on a copy about as large as what the network is given, because noise that shrinking averages out does
no harm.
"""

import itertools
from collections.abc import Iterator

import cv2
import numpy as np

from smear.arrays import Array, compare
from smear.segmentation.field import Field

ROOM = 1.25  # times the network's input: the size at which a picture is measured, unless it is smaller
LEAST = 0.05  # grey levels, added before a logarithm is taken
SECOND_DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6  # Immerkaer, CVIU 64 (1996)
NEARLY_FLAT = 4.0  # slope in grey levels a pixel up to which mostly noise varies ...
FEWEST = 200  # ... where there are so many pixels of it, else all are taken
BANDS = (0.6, 1.2, 2.4, 4.8)  # sigmas in pixels between which detail is counted
PERIODS = (2, 3, 8)  # pixels: enlarged thumbnails, and the blocks of JPEG
LEAST_SIDE = 1 + max(PERIODS)  # of what is measured: so many rows have a step of each phase
DARKEST = 0.002  # share of the pixels
CLIPPED = 254
STAINED = 0.12  # optical density from which there is matter
FEWEST_STAINED = 50  # pixels that make a statement about a kind of cell; below, the whole picture is described
TILES = 8

# What is measured, in order: a name for programs, and what to tell a person whose picture stands out by it.
NOISE, DETAIL, ROWS, SQUARES, LAMP, DEPTH, EXPOSURE, CORNERS, STAIN, SIZE = (
    "the grain of the picture (noise, or a camera's smoothing)",
    "how sharp or soft it is (sharpening, blur, or enlargement)",
    "rows that stand aside (interlacing)",
    "squares in the picture (strong JPEG compression, or a thumbnail made large)",
    "the colour or strength of the light",
    "how dark the darkest parts are (stray light)",
    "how much of it is burnt out (over-exposure)",
    "light that falls off towards the corners",
    "the colours of the stain",
    "the size of the cells in the picture (magnification)",
)
MEASURES = {
    "noise_light": NOISE,
    "noise_red": NOISE,
    "noise_blue": NOISE,
    "detail_finest": DETAIL,
    "detail_fine": DETAIL,
    "detail_medium": DETAIL,
    "detail_coarse": DETAIL,
    "combing": ROWS,
    **{f"squares_{period}": SQUARES for period in PERIODS},
    "background_light": LAMP,
    "background_red": LAMP,
    "background_blue": LAMP,
    "darkest_red": DEPTH,
    "darkest_green": DEPTH,
    "darkest_blue": DEPTH,
    "clipped": EXPOSURE,
    "corners": CORNERS,
    **{f"{cells}_{what}": STAIN for cells in ("erythrocytes", "leukocytes") for what in ("density", "red", "blue")},
    "nucleus": SIZE,
}


def measure(field: Field, side: int) -> Array:
    """Return what MEASURES names, float64 (K,); side: the longer one of the network's input, in pixels.

    Noise and detail are logarithms of grey levels or of ratios of them, so are squares, combing and the background;
    the darkest values are in quarters of the range; the colours of cells are shares of their optical density.
    """
    rgb = _copy(field.rgb, round(ROOM * side))
    size = rgb.shape[1], rgb.shape[0]
    cells = cv2.resize(field.cells.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    values = rgb.astype(np.float32)
    measures = (
        *_noise(values),
        *_detail(values[..., 1]),
        *_lattice(values[..., 1]),
        *_light(rgb, field.background),
        *_stain(rgb, field.background, cells),
        _size(field, side),
    )
    return np.array(measures, np.float64)


def _copy(rgb: Array, side: int) -> Array:
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    height, width = (round(length * scale) for length in rgb.shape[:2])
    if min(height, width) < LEAST_SIDE:  # of a picture that is long and thin
        size = max(LEAST_SIDE, width), max(LEAST_SIDE, height)
        return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _noise(values: Array) -> Iterator[float]:
    """Yield the noise of lightness and of both differences of colour, where the picture is nearly flat."""
    red, green, blue = cv2.split(values)
    smooth = cv2.GaussianBlur(green, (0, 0), 2)
    slope = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    nearly_flat = compare(slope, NEARLY_FLAT * 8, cv2.CMP_LE)  # Sobel's weights sum to 8
    flat = nearly_flat if cv2.countNonZero(nearly_flat) >= FEWEST else None
    for channel in (green, red - green, blue - green):
        yield _log(cv2.mean(np.abs(cv2.filter2D(channel, cv2.CV_32F, SECOND_DIFFERENCE)), flat)[0])


def _detail(green: Array) -> Iterator[float]:
    """Yield the detail of each band over that of the next coarser one, and the coarsest by itself."""
    layers = [green, *(cv2.GaussianBlur(green, (0, 0), sigma) for sigma in BANDS)]
    energies = [_log(cv2.mean(cv2.absdiff(*pair))[0]) for pair in itertools.pairwise(layers)]
    for finer, coarser in itertools.pairwise(energies):
        yield finer - coarser
    yield energies[-1]


def _lattice(green: Array) -> Iterator[float]:
    """Yield how much neighbouring rows differ beyond columns, and how much the steps of each period stand out."""
    down, across = cv2.absdiff(green[1:], green[:-1]), cv2.absdiff(green[:, 1:], green[:, :-1])
    second_down, second_across = cv2.absdiff(green[2:], green[:-2]), cv2.absdiff(green[:, 2:], green[:, :-2])
    log_down, log_across = (_log(cv2.mean(steps)[0]) for steps in (down, across))
    yield log_down - _log(cv2.mean(second_down)[0]) - log_across + _log(cv2.mean(second_across)[0])
    lines = down.mean(axis=1), across.mean(axis=0)
    for period in PERIODS:
        yield float(np.mean([_stands_out(steps, period) for steps in lines]))


def _stands_out(steps: Array, period: int) -> float:
    phases = [_log(float(steps[k::period].mean())) for k in range(period)]
    return max(phases) - (min(phases) if period == 2 else float(np.median(phases)))


def _light(rgb: Array, background: Array) -> Iterator[float]:
    """Yield light and colour of the background, the darkest values, the clipped share, and the fall-off."""
    red, green, blue = (float(np.log(value + 1.0)) for value in background)
    yield from (green, red - green, blue - green)
    for channel in cv2.split(rgb):
        counts = np.cumsum(cv2.calcHist([channel], [0], None, [256], [0, 256]).ravel())
        yield int(np.searchsorted(counts, DARKEST * counts[-1])) / 64
    brightest = cv2.max(cv2.max(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    least = cv2.min(cv2.min(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    yield float(np.sqrt(cv2.countNonZero(cv2.inRange(least, CLIPPED, 255)) / least.size))
    tiles = cv2.resize(brightest.astype(np.float32) + 1, (TILES, TILES), interpolation=cv2.INTER_AREA)
    yield float(np.log(np.median(tiles[[0, 0, -1, -1], [0, -1, 0, -1]]) / np.median(tiles)))


def _stain(rgb: Array, background: Array, cells: Array) -> Iterator[float]:
    """Yield density and colour of what is stained and no leukocyte (erythrocytes, mostly), and of the leukocytes."""
    levels = np.log(np.arange(256)[:, None] + 1.0)
    table = (np.log(background + 1.0) - levels).astype(np.float32)
    density = cv2.LUT(rgb, table.reshape(256, 1, 3))
    densest = cv2.max(cv2.max(density[..., 0], density[..., 1]), density[..., 2])
    others = cv2.bitwise_and(compare(densest, STAINED, cv2.CMP_GT), compare(cells, 0, cv2.CMP_EQ))
    for mask in (others, cells):
        mean = cv2.mean(density, mask if cv2.countNonZero(mask) >= FEWEST_STAINED else None)[:3]
        total = sum(abs(channel) for channel in mean) + 0.02
        yield from (float(np.log(total)), mean[0] / total, mean[2] / total)


def _size(field: Field, side: int) -> float:
    """Return the median diameter of the nuclei in pixels of the network's input, as a logarithm."""
    if not field.standing.any():
        return 0.0
    return float(np.log1p(np.sqrt(np.median(field.areas[field.standing])) * side / max(field.rgb.shape[:2])))


def _log(level: float) -> float:
    return float(np.log(level + LEAST))

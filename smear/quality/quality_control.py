"""Whether a picture is fit to be read: stained matter, focus, exposure, and the colours of a blood film.

Everything is measured on a copy of at most `field.WORKING_SIDE` pixels, in optical density against the picture's
own background, so that lamp, white balance and strength of the stain play little part. The thresholds were set on
2,695 fields of one laboratory, 290 of several others, 110 with large cells, and on photographs and drawings that are
no smear; `tests/smear/quality/test_quality_control.py` holds the shares that each of them refuses.

*Focus* is the width of an edge. Across an edge that was blurred by a Gaussian of width s, the energy of the gradient
(Tenengrad: Krotkov 1987) is C^2 / (2 s sqrt(pi)) and that of the Laplacian (Pech-Pacheco et al. 2000) is
C^2 / (4 s^3 sqrt(pi)). The contrast C and the number of edges cancel in s = sqrt(gradient / (2 Laplacian)), where
either alone, like the measures that Groen et al. (1985) compare, would also tell how much there is to see. It is taken
by tile, and the median over the tiles, weighted by their gradient, counts: a sharp scale bar printed on a blurred
picture does not make it sharp. Larger cells may have wider edges.

*Cut-outs.* A single cell on black (as in C-NMC) has no background to judge light and focus by: only its colours are
checked, against a white as bright as its brightest part, and a warning says so.

*Stain.* Eosin and the azures absorb green most and blue least, and only haemoglobin absorbs some blue. So a film holds
next to nothing that is green, strongly orange or black, and photographs nearly always do. This tells dyes from other
colours, not blood from other tissue: a section stained with haematoxylin and eosin passes.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from smear.arrays import Array, compare
from smear.segmentation.field import Field

BACKGROUND_SHARE = 0.15  # the brightest share by green is background
STEPS = 64  # optical density is kept at 8 bits in steps of 1/64: 0 to 4
STAINED = round(0.125 * STEPS)  # what absorbs more than this in any channel is matter

LEAST_MATTER = 0.004  # share of the picture; a single leukocyte at 100x has more
LEAST_CONTRAST = 0.10  # optical density between background and the darkest 0.2 %
LOW_CONTRAST = 0.25
DARK, VERY_DARK = 130, 60  # brightest channel of the background, 0 to 255
WHITE = (253, 253, 253)  # as bright as a clipped pixel is after JPEG
MUCH_WHITE, MOST_WHITE = 0.75, 0.9  # of the picture; films with a white background reach 0.2
PALE = 0.45  # optical density of the densest matter in a picture that too much light has washed out

EDGE_SMOOTHING = 1.5  # pixels: takes the sensor's noise and the JPEG's blocks out of the Laplacian
TILES = 8
EDGE_OF_CELL = 0.06  # an edge wider than this share of the mean chord of the stained matter is out of focus ...
WIDEST_SHARP_EDGE = (2.3, 3.6)  # ... but never judged stricter or milder than this, in pixels
SOFT = 0.8  # of the width that is out of focus

ORANGE_SLOPE, ORANGE = 1.3, round(0.10 * STEPS)  # density(blue) > slope * density(green) + offset: no dye does that
GREEN = round(0.06 * STEPS)  # absorbs less green than red and blue, by more than this
BLACK = round(0.90 * STEPS)  # absorbs every colour by more than this
GREY = round(0.05 * STEPS)  # absorbs all colours alike, within this
FOREIGN_SHARE = 0.05  # of the matter that may be orange, green or black; films reach 0.02, photographs begin at 0.15
COLOURLESS_SHARE = 0.97  # of the matter that is grey: a grey-scale picture or print on paper
BACKGROUND_SATURATION = 0.30  # films reach 0.25


@dataclass(frozen=True)
class Finding:
    """One thing that was checked. `text` is a sentence for the bench; `value` is what was measured, in `unit`."""

    code: str
    text: str
    value: float
    unit: str
    severity: Literal["info", "warning", "refuse"]


def assess(field: Field) -> tuple[Finding, ...]:
    """Check a field of at least 16 px a side; what speaks against reading it comes first.

    One with a leukocyte in it is not blank.
    """
    small, scale, surround = field.small, field.scale, field.surround
    background = _background(small) if surround is None else np.full(3, float(_percentile(small, 0.998)))
    red, green, blue = cv2.split(_densities(small, background))
    densest = cv2.max(cv2.max(red, green), blue)
    matter = compare(densest, STAINED, cv2.CMP_GT)
    if surround is not None:
        matter[surround > 0] = 0
        return _ordered([_stain(red, green, blue, matter, background), _cut_out(surround)])
    findings = _exposure(background, small, green)
    share = cv2.countNonZero(matter) / matter.size
    if not len(field) and (share < LEAST_MATTER or _percentile(green, 0.998) / STEPS < LEAST_CONTRAST):
        text = "Nothing stained is in the picture: move to a part of the film with cells."
        findings = [finding for finding in findings if finding.code == "too_dark"]
        findings.append(Finding("blank", text, 100 * share, "% stained", "refuse"))
    else:
        findings.append(_stain(red, green, blue, matter, background))
        findings.append(_focus(small, green, scale))
    return _ordered(findings)


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: ("refuse", "warning", "info").index(finding.severity)))


def _cut_out(surround: Array) -> Finding:
    text = "The cell was cut out on black: light and focus cannot be judged."
    return Finding("cut_out", text, 100 * cv2.countNonZero(surround) / surround.size, "% black", "warning")


def _background(rgb: Array) -> Array:
    """Mean colour, float (3,), of the brightest share by green, the channel that every stain darkens."""
    green = cv2.extractChannel(rgb, 1)
    bright = compare(green, _percentile(green, 1 - BACKGROUND_SHARE), cv2.CMP_GE)
    return np.array(cv2.mean(rgb, mask=bright)[:3])


def _percentile(values: Array, share: float) -> int:
    counts = np.cumsum(cv2.calcHist([values.reshape(len(values), -1)], [0], None, [256], [0, 256]).ravel())
    return int(np.searchsorted(counts, share * counts[-1]))


def _densities(rgb: Array, background: Array) -> Array:
    """-ln(I / I_background) in steps of 1 / STEPS, uint8 (H, W, 3); zero where brighter than the background."""
    levels = np.arange(256)[:, None] + 1.0
    table = np.clip(np.rint(-np.log(levels / (background + 1)) * STEPS), 0, 255).astype(np.uint8)
    return cv2.LUT(rgb, table.reshape(256, 1, 3))


def _exposure(background: Array, rgb: Array, green: Array) -> list[Finding]:
    """Nothing when the light is right."""
    light = float(background.max())
    if light < VERY_DARK:
        text = "The picture is too dark: raise the lamp or the exposure and take it again."
        return [Finding("too_dark", text, light, "of 255", "refuse")]
    if light < DARK:
        return [Finding("too_dark", "The picture is dark: more light would help.", light, "of 255", "warning")]
    densest = _percentile(green, 0.998) / STEPS
    white = cv2.countNonZero(cv2.inRange(rgb, WHITE, (255, 255, 255))) / green.size
    if white > MOST_WHITE and LEAST_CONTRAST <= densest < PALE:
        text = "The picture is over-exposed: lower the lamp or the exposure and take it again."
        return [Finding("too_bright", text, 100 * white, "% white", "refuse")]
    if white > MUCH_WHITE and densest >= LEAST_CONTRAST:
        return [
            Finding("too_bright", "The picture is bright: less light would help.", 100 * white, "% white", "warning")
        ]
    if LEAST_CONTRAST <= densest < LOW_CONTRAST:
        text = "There is little contrast: the stain is weak or the light too strong."
        return [Finding("low_contrast", text, densest, "optical density", "warning")]
    return []


def _stain(red: Array, green: Array, blue: Array, matter: Array, background: Array) -> Finding:
    count = max(1, cv2.countNonZero(matter))
    least = cv2.min(red, blue)
    orange = cv2.compare(blue, cv2.convertScaleAbs(green, alpha=ORANGE_SLOPE, beta=ORANGE), cv2.CMP_GT)
    leafy = compare(cv2.subtract(least, green), GREEN, cv2.CMP_GT)
    black = compare(cv2.min(least, green), BLACK, cv2.CMP_GT)
    foreign = cv2.countNonZero(cv2.bitwise_and(cv2.bitwise_or(cv2.bitwise_or(orange, leafy), black), matter)) / count
    span = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(least, green))
    grey = cv2.countNonZero(cv2.bitwise_and(compare(span, GREY, cv2.CMP_LE), matter)) / count
    saturation = 1 - float(background.min()) / max(1.0, float(background.max()))
    text = "This does not look like a stained blood film."
    if foreign > FOREIGN_SHARE:
        return Finding("not_a_stained_smear", text, 100 * foreign, "% foreign colours", "refuse")
    if grey > COLOURLESS_SHARE:
        return Finding("not_a_stained_smear", text, 100 * grey, "% grey", "refuse")
    if saturation > BACKGROUND_SATURATION:
        return Finding("not_a_stained_smear", text, 100 * saturation, "% background saturation", "refuse")
    return Finding(
        "stained", "The colours are those of a stained blood film.", 100 * foreign, "% foreign colours", "info"
    )


def _focus(rgb: Array, green: Array, scale: float) -> Finding:
    width = edge_width(cv2.extractChannel(rgb, 1))
    limit = float(np.clip(EDGE_OF_CELL * _mean_chord(green), *WIDEST_SHARP_EDGE))
    value = width * scale
    if width > limit:
        text = "The picture is out of focus: refocus and take it again."
        return Finding("out_of_focus", text, value, "px edge width", "refuse")
    if width > SOFT * limit:
        return Finding("soft_focus", "The focus is a little soft.", value, "px edge width", "warning")
    return Finding("sharp", "Sharp.", value, "px edge width", "info")


def edge_width(channel: Array) -> float:
    """Width (sigma, pixels) of the edges of a uint8 (H, W) channel, at least EDGE_SMOOTHING's; 0 without edges."""
    smooth = cv2.GaussianBlur(channel.astype(np.float32), (9, 9), EDGE_SMOOTHING)
    along = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    bend = cv2.Laplacian(smooth, cv2.CV_32F, ksize=1)
    gradient = cv2.accumulateSquare(down, cv2.multiply(along, along))
    gradient = cv2.resize(gradient, (TILES, TILES), interpolation=cv2.INTER_AREA).ravel()
    bending = cv2.resize(cv2.multiply(bend, bend), (TILES, TILES), interpolation=cv2.INTER_AREA).ravel()
    if gradient.sum() <= 0:
        return 0.0
    widths = np.sqrt(gradient / (2 * bending + 1e-9))
    order = np.argsort(widths)
    middle = np.searchsorted(np.cumsum(gradient[order]), gradient.sum() / 2)
    return float(widths[order[min(int(middle), len(order) - 1)]])


def _mean_chord(green: Array) -> float:
    """Mean length (pixels) of a row's or column's run through stained matter: about 0.8 of the diameter of a disc."""
    matter = compare(green, STAINED, cv2.CMP_GT)
    borders = cv2.countNonZero(cv2.absdiff(matter[:, 1:], matter[:, :-1]))
    borders += cv2.countNonZero(cv2.absdiff(matter[1:], matter[:-1]))
    return 4 * cv2.countNonZero(matter) / max(1, borders)

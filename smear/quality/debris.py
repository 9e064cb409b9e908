"""What else is in the picture: platelets, smudged cells, precipitate, a scale bar. Counted out, and said.

`smear.segmentation.find.find` leaves them out; this says what it left out, so that a reader at the bench can check.
Rough by
design: counts of what is as violet as a nucleus and is no leukocyte, by size relative to the leukocytes beside it. A
platelet measures 2 to 4 micrometres, a leukocyte 8 to 20 (Bain, Blood Cells, 6th ed.): at most a sixth of its area.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import optical_density
from smear.quality.quality_control import Finding
from smear.segmentation.field import Field, working_copy

SIDE = 320  # enough to count platelets by
VIOLET_OF_NUCLEI = 0.5  # of the median of the nuclei in the same picture
VIOLET_FLOOR = 0.2  # optical density of green over that of blue, where no leukocyte sets the measure
TYPICAL_SHARE = 0.01  # of the picture: a leukocyte, where none is there to compare with
SPECK, PLATELET, SMUDGE = 0.006, 0.17, 0.4  # of a leukocyte's area: from, up to, and from
STAINED = 0.12  # optical density from which there is matter
INK_DENSITY, INK_SPREAD = 0.9, 0.3  # black ink absorbs all colours by more than this, alike within that
RED_INK, RED_INK_RED = 0.7, 0.15  # red ink absorbs green and blue by more than this, and red by less than that
BAR_LENGTH, BAR_FILL = 3.0, 0.7  # width over height of a scale bar, and how full its box is
LETTERS = 3  # pieces of ink near the border that make a caption
RIM = 0.2  # of the shorter side: captions stand at the border


@dataclass(frozen=True)
class Debris:
    """Counts of what is no leukocyte, the share of the picture that other stained matter covers, and ink on it."""

    platelets: int
    smudged: int
    specks: int
    erythrocyte_share: float
    caption: bool


def count(field: Field) -> Debris:
    """Return what is in the picture beside its leukocytes."""
    view, zoom = working_copy(field.small, SIDE)
    size = view.shape[1], view.shape[0]
    nuclei = field.nuclei
    cells: Array = field.cells.view(np.uint8)
    if zoom > 1:
        cells = cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST)
        nuclei = cv2.resize(nuclei.view(np.uint8), size, interpolation=cv2.INTER_NEAREST).view(bool)
    red, green, blue = cv2.split(optical_density(view, field.background))
    ink = _ink(red, green, blue)
    violet = cv2.subtract(green, blue)
    floor = VIOLET_FLOOR
    if nuclei.any():
        floor = max(floor, VIOLET_OF_NUCLEI * float(np.median(violet[nuclei])))
    around = cv2.dilate(cells, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    foreign = ((violet > floor) & (green >= red) & (around == 0) & ~ink).view(np.uint8)
    standing = int(field.standing.sum())
    typical = cells.sum() / standing if standing else TYPICAL_SHARE * cells.size
    sizes = _sizes(foreign) / typical
    matter = (cv2.max(cv2.max(red, green), blue) > STAINED) & (around == 0) & (foreign == 0) & ~ink
    return Debris(
        platelets=int(((sizes >= SPECK) & (sizes <= PLATELET)).sum()),
        smudged=int((sizes >= SMUDGE).sum()),
        specks=int((sizes < SPECK).sum()),
        erythrocyte_share=float(matter.mean()),
        caption=_caption(ink),
    )


def _sizes(mask: Array) -> Array:
    """Return the areas of the components of `mask` that the border does not cut, float (N,)."""
    if not mask.any():
        return np.zeros(0)
    _, _, table, _ = cv2.connectedComponentsWithStats(mask)
    x, y, w, h, area = table[1:].T
    whole = (x > 0) & (y > 0) & (x + w < mask.shape[1]) & (y + h < mask.shape[0])
    result: Array = area[whole].astype(np.float64)
    return result


def _ink(red: Array, green: Array, blue: Array) -> Array:
    """Where something was printed on the picture, bool (h, w): black or red, which no dye of a film is."""
    least, most = cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)
    black = (least > INK_DENSITY) & (most - least < INK_SPREAD)
    return black | ((cv2.min(green, blue) > RED_INK) & (red < RED_INK_RED))


def _caption(ink: Array) -> bool:
    """Return whether `ink` holds a scale bar or letters near the border."""
    rim = max(8, round(RIM * min(ink.shape)))
    near = ink.astype(np.uint8)
    near[rim:-rim, rim:-rim] = 0
    if not near.any():
        return False
    _, _, table, _ = cv2.connectedComponentsWithStats(near)
    _, _, w, h, area = table[1:].T
    real = area >= 3
    bars = real & (w >= 8) & (w >= BAR_LENGTH * h) & (area >= BAR_FILL * w * h)
    return bool(bars.any() or np.count_nonzero(real & (np.maximum(w, h) < rim)) >= LETTERS)


def findings(field: Field) -> tuple[Finding, ...]:
    """Return in sentences what is cut by the border, and what else was seen and left out."""
    debris, findings = count(field), []
    cut = int((field.cut & field.standing).sum())
    if cut:
        text = "1 leukocyte is cut by the border." if cut == 1 else f"{cut} leukocytes are cut by the border."
        findings.append(Finding("cut", text, cut, "leukocytes", "info"))
    for code, number, singular, plural in (
        ("platelets", debris.platelets, "platelet", "platelets"),
        ("smudged", debris.smudged, "smudged or torn cell", "smudged or torn cells"),
        ("precipitate", debris.specks, "speck of stain", "specks of stain"),
    ):
        if number:
            text = f"About {number} {singular if number == 1 else plural}, left out."
            findings.append(Finding(code, text, number, plural, "info"))
    if debris.caption:
        findings.append(Finding("caption", "A scale bar or caption, left out.", 1, "captions", "info"))
    return tuple(findings)

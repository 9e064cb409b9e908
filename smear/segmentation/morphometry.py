"""Measure leukocytes: what is large, what is round, how much of a cell is nucleus, what its chromatin looks like.

Everything is measured at the working size of `smear.segmentation.find.find` and given in pixels of the original
picture, or in micrometres where its scale is known. Shapes are scikit-image's regionprops (0.26) wherever it has them;
names without `cell_` or `cytoplasm_` are the nucleus's. A nucleus may lie in several pieces, as a neutrophil's does;
its small holes (`HOLE`) belong to it.

A leukocyte that the border of the picture cuts is measured as far as it can be seen: leave it out of any statistics.
"""

import importlib
import math
import threading
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import skimage as ski  # its submodules are imported when first needed, which takes a third of a second

from smear.arrays import Array
from smear.segmentation.field import Field

LEAST_PIXELS = 16  # at the working size: what is smaller has a place and a colour, but no shape
NECK = 0.75  # of the depth of the smaller of two lobes: a narrower neck parts them
SHALLOW = 0.3  # of the deepest lobe's depth: bumps that hardly rise above are a ragged outline, not lobes
HOLE = 0.02  # of the nucleus: smaller holes are pale chromatin, and belong to it
OFFSET = 0.06  # of the nucleus's diameter: between the pixels that the texture compares
RIM = 0.04  # of the nucleus's diameter: blurred into the cytoplasm, so not chromatin
LEVELS = 16  # of density that the texture tells apart
SPREAD = 0.6  # they lie between 1 - SPREAD and 1 + SPREAD of the nucleus's mean density
HARALICK = ("contrast", "homogeneity", "entropy")
ANGLES = (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Measurements:
    """One leukocyte. Lengths are in `unit`, areas in its square, everything else has none; None is "has no value".

    box: x0, y0, x1, y1 in pixels of the picture, whatever the unit; cut: whether the border of the picture cuts it.
    unit: "px", or "um" for micrometres.

    Size.
    nucleus_area, cell_area: > 0 where there is any (regionprops `area`); the cell is nucleus and cytoplasm.
    nucleus_perimeter, cell_perimeter: regionprops `perimeter_crofton`, the Cauchy-Crofton formula in four directions
    (Rivollier 2010): within 2 % for a disc, where counting border pixels is 4 % off. Pieces are added up.
    equivalent_diameter, cell_equivalent_diameter: of the disc of the same area (regionprops
    `equivalent_diameter_area`).

    Nucleus and cytoplasm.
    nucleus_to_cytoplasm: nucleus area over cytoplasm area, the N:C ratio as haematology words it: 4 is the 4:1 of
    blasts, which falls to 2:1 or 1:1 as they mature (Turgeon, Clinical Hematology); 0 upwards, None where no
    cytoplasm is seen.
    nucleus_share: nucleus area over cell area, 0..1, which image analysis often calls N:C too: 4:1 is 0.8. It stays
    finite, so prefer it for statistics.

    Shape.
    circularity: 4 pi area / perimeter^2 (Cox 1927), 1 for a disc (up to 1.03 for a small one, for want of pixels),
    0.79 for a square, 0.5 for two equal discs, less the more lobed. cell_circularity: the same of the cell.
    solidity: area over area of the convex hull (regionprops `solidity`), 0..1.
    convexity: perimeter of the convex hull over perimeter, about 0..1: ragged outlines lower it more than solidity.
    None for a nucleus in pieces, whose outlines together may be shorter than that of their hull.
    eccentricity: of the ellipse with the same second moments (regionprops `eccentricity`), 0 for a disc to 1.
    lobes: 1 upwards; how many parts of the nucleus are held together by necks at most `NECK` as wide as the
    smaller part, or by none. They are the extended maxima (Soille 2003, 6.3) of the logarithm of the distance
    to the outline, which judges every neck by its share. Lobes that lie on each other count as one, a
    deeply indented monocyte or a band may count as two, and two overlapping nuclei as two lobes.

    Chromatin: green optical density, -ln(I / I_background), which rises with the dye (Beer-Lambert), of the nucleus
    without its blurred rim, over its mean: so neither the lamp nor the strength of the stain matters.
    chromatin_variation: standard deviation over mean, 0 for flat chromatin, 0.1 to 0.4 as a rule.
    chromatin_contrast, chromatin_homogeneity, chromatin_entropy: of the grey-level co-occurrence matrix (Haralick,
    Shanmugam and Dinstein 1973; scikit-image `graycomatrix` and `graycoprops`) of `LEVELS` levels, pooled over four
    directions at `OFFSET` of the diameter. Contrast: mean squared difference in levels, 0 upwards; homogeneity:
    0..1, 1 is flat; entropy: in nats, 0 to 2 ln(LEVELS).

    Colour.
    nucleus_colour, cytoplasm_colour: mean red, green and blue, 0..255, as photographed.
    nucleus_density, cytoplasm_density: mean optical density in red, green and blue, 0 upwards: comparable
    between lamps.
    """

    box: tuple[int, int, int, int]
    cut: bool
    unit: str
    nucleus_area: float
    cell_area: float
    nucleus_to_cytoplasm: float | None = None
    nucleus_share: float | None = None
    nucleus_perimeter: float | None = None
    cell_perimeter: float | None = None
    equivalent_diameter: float | None = None
    cell_equivalent_diameter: float | None = None
    circularity: float | None = None
    cell_circularity: float | None = None
    solidity: float | None = None
    convexity: float | None = None
    eccentricity: float | None = None
    lobes: int | None = None
    chromatin_variation: float | None = None
    chromatin_contrast: float | None = None
    chromatin_homogeneity: float | None = None
    chromatin_entropy: float | None = None
    nucleus_colour: Colour | None = None
    cytoplasm_colour: Colour | None = None
    nucleus_density: Colour | None = None
    cytoplasm_density: Colour | None = None


_importing = threading.Lock()


def _prepare() -> None:
    """Import what is needed of scikit-image, whole: two threads that meet it first at once would see half of it."""
    with _importing:
        for name in ("feature", "measure", "morphology"):
            importlib.import_module(f"skimage.{name}")


def measure(
    field: Field, micrometres_per_pixel: float | None = None, only: int | None = None
) -> tuple[Measurements, ...]:
    """Return the measurements of every leukocyte of `field`, in the order of its boxes.

    micrometres_per_pixel: of the original picture. Raises ValueError where it is no positive number. only: the number
    of the one leukocyte that is asked for, from 1.
    """
    if micrometres_per_pixel is not None and not (math.isfinite(micrometres_per_pixel) and micrometres_per_pixel > 0):
        raise ValueError(f"Micrometres per pixel must be a positive number, not {micrometres_per_pixel}.")
    if not len(field):
        return ()
    _prepare()
    unit = "px" if micrometres_per_pixel is None else "um"
    step = field.scale * (micrometres_per_pixel or 1.0)
    labels = field.labels if only is None else np.where(field.labels == only, only, 0)
    cells = {cell.label: cell for cell in ski.measure.regionprops(labels)}
    measured = []
    for index, box in enumerate(field.boxes):
        if only is not None and index + 1 != only:
            continue
        x0, y0, x1, y1 = (int(side) for side in box)
        values: dict[str, Any] = {"nucleus_area": 0.0, "cell_area": 0.0}
        cell = cells.get(index + 1)
        if cell is not None:  # else another leukocyte lies on all of it
            nucleus = _filled(field.nuclei[cell.slice] & cell.image) & cell.image
            values = _sizes(nucleus, cell, step)
            values |= _looks(nucleus, cell.image, field.small[cell.slice], field.density[cell.slice])
        measured.append(Measurements(box=(x0, y0, x1, y1), cut=bool(field.cut[index]), unit=unit, **values))
    return tuple(measured)


def _filled(nucleus: Array) -> Array:
    result: Array = ski.morphology.remove_small_holes(nucleus, max_size=int(HOLE * np.count_nonzero(nucleus)))
    return result


def _sizes(nucleus: Array, cell: Any, step: float) -> dict[str, Any]:
    """Return what the outlines say of bool (h, w) `nucleus` in a region `cell`; `step` units are a pixel wide."""
    inside, whole = int(np.count_nonzero(nucleus)), int(cell.area)
    sizes: dict[str, Any] = {
        "nucleus_area": inside * step * step,
        "cell_area": whole * step * step,
        "nucleus_to_cytoplasm": inside / (whole - inside) if whole > inside else None,
        "nucleus_share": inside / whole,
        "cell_perimeter": float(cell.perimeter_crofton) * step,
        "cell_equivalent_diameter": float(cell.equivalent_diameter_area) * step,
        "cell_circularity": _circularity(cell) if whole >= LEAST_PIXELS else None,
    }
    if inside < LEAST_PIXELS:
        return sizes
    region = ski.measure.regionprops(nucleus.astype(np.uint8))[0]
    pieces = cv2.connectedComponents(nucleus.view(np.uint8))[0] - 1
    hull = float(ski.measure.perimeter_crofton(region.image_convex))
    return sizes | {
        "nucleus_perimeter": float(region.perimeter_crofton) * step,
        "equivalent_diameter": float(region.equivalent_diameter_area) * step,
        "circularity": _circularity(region),
        "solidity": float(region.solidity),
        "convexity": hull / float(region.perimeter_crofton) if pieces == 1 else None,
        "eccentricity": float(region.eccentricity),
        "lobes": _lobes(region.image),
    }


def _circularity(region: Any) -> float:
    return 4 * math.pi * float(region.area) / float(region.perimeter_crofton) ** 2


def _lobes(nucleus: Array) -> int:
    """Return how many lobes bool (h, w) has. The logarithm makes of "a neck of 0.75" one height, whatever the size."""
    depth = cv2.distanceTransform(np.pad(nucleus, 1).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    relief = np.log(np.maximum(depth / depth.max(), SHALLOW))
    # Not `h_maxima`: of a maximum that several equally deep pixels share it returns each as one of its own.
    lowered = ski.morphology.reconstruction(relief + math.log(NECK), relief)
    return int(cv2.connectedComponents(ski.morphology.local_maxima(lowered).view(np.uint8))[0]) - 1


def _looks(nucleus: Array, cell: Array, rgb: Array, density: Array) -> dict[str, Any]:
    """Return colours and texture of bool (h, w) `nucleus` and of the rest of `cell`."""
    cytoplasm = cell & ~nucleus
    return {
        **_texture(nucleus, density[..., 1]),
        "nucleus_colour": _mean(rgb, nucleus),
        "cytoplasm_colour": _mean(rgb, cytoplasm),
        "nucleus_density": _mean(density, nucleus),
        "cytoplasm_density": _mean(density, cytoplasm),
    }


def _mean(values: Array, mask: Array) -> Colour | None:
    if not mask.any():
        return None
    red, green, blue, _ = cv2.mean(values, mask.view(np.uint8))
    return red, green, blue


def _texture(nucleus: Array, density: Array) -> dict[str, float]:
    """Return how the chromatin varies within bool (h, w) `nucleus`, given its float (h, w) optical density."""
    diameter = math.sqrt(4 * np.count_nonzero(nucleus) / math.pi)
    depth = cv2.distanceTransform(np.pad(nucleus, 1).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    core = depth > max(1.0, RIM * diameter)
    values = density[core]
    if values.size < LEAST_PIXELS or values.mean() == 0:
        return {}
    texture = {"chromatin_variation": float(values.std() / values.mean())}
    relative = np.clip((density / values.mean() - 1 + SPREAD) / (2 * SPREAD), 0, 1)
    # Level 0 is outside, and its row and column are left out: only pairs that lie in the nucleus count.
    levels = np.where(core, 1 + np.minimum(relative * LEVELS, LEVELS - 1).astype(np.uint8), 0).astype(np.uint8)
    offset = max(1, round(OFFSET * diameter))
    pairs = ski.feature.graycomatrix(levels, [offset], ANGLES, levels=LEVELS + 1, symmetric=True)[1:, 1:]
    pooled = pairs.sum(axis=3, keepdims=True)
    if pooled.sum():
        for name in HARALICK:
            texture[f"chromatin_{name}"] = float(ski.feature.graycoprops(pooled, name)[0, 0])
    return texture

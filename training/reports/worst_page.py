"""A page of the pictures in which leukocytes were found worst, with the drawn and the found outlines laid over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smear.segmentation.field import working_copy
from training.data.annotated_masks import MaskedSet
from training.reports.pages import photograph_url, render
from training.segmenter.agreement import segmented
from training.segmenter.metrics import Agreement, Counts, count, median_cell
from training.segmenter.outlines import outlines, svg_path

MOST = 20
SHOWN_SIDE = 640  # px; outlines stay sharp at any size, the photograph need not be larger
QUALITY = 88  # of the photograph's JPEG


@dataclass(frozen=True)
class _Measured:
    """A picture of a set, by its number, with its agreement and the set's median cell."""

    where: MaskedSet
    index: int
    agreement: Agreement
    median: float


@dataclass(frozen=True)
class _Shown:
    """A picture as the page shows it: size in px, outlines as SVG path data by class of line, and its numbers."""

    name: str
    width: int
    height: int
    url: str
    outlines: dict[str, str]
    drawn: int
    found: int
    counts: Counts
    cell_dice: float
    nucleus_dice: float | None


def write(measured: Sequence[tuple[MaskedSet, list[Agreement]]], path: Path) -> None:
    """Write the page of the worst twenty pictures of all sets, by cell Dice, to `path`: one file, nothing beside it."""
    pictures = [
        _Measured(masked, index, agreement, median_cell(agreements))
        for masked, agreements in measured
        for index, agreement in enumerate(agreements)
    ]
    pictures.sort(key=lambda picture: (picture.agreement.cell_dice, picture.agreement.nucleus_dice))
    shown = [_shown(picture) for picture in pictures[:MOST]]
    path.write_text(render("worst.html", pictures=shown, total=len(pictures)), encoding="utf-8")


def _shown(picture: _Measured) -> _Shown:
    rgb, annotation = picture.where.pair(picture.index)
    labels, nuclei = segmented(rgb)
    height, width = rgb.shape[:2]
    return _Shown(
        name=f"{picture.where.name}/{picture.where.images[picture.index].name}",
        width=width,
        height=height,
        url=photograph_url(working_copy(rgb, SHOWN_SIDE)[0], QUALITY),
        outlines={
            "drawn nucleus": svg_path(annotation.nuclei),
            "drawn": outlines(annotation.labels),
            "found nucleus": svg_path(nuclei),
            "found": outlines(labels),
        },
        drawn=int(annotation.labels.max(initial=0)),
        found=int(labels.max(initial=0)),
        counts=count(picture.agreement, picture.median),
        cell_dice=picture.agreement.cell_dice,
        nucleus_dice=picture.agreement.nucleus_dice if picture.where.has_nuclei else None,
    )

"""Publish the network that finds leukocytes: a folder with the model and a card that says what is known of it."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras

from smear.artifacts import CARD, GRAPH, MODEL, replacing
from smear.inference.bundle import describe
from smear.segmentation.mask_network import FOLDER, MaskCard, SegmenterError, read_card, verify
from training.architectures import unet
from training.graphs.segmenter import exported
from training.segmenter.agreement import Measured, to_json
from training.segmenter.fit import BATCH, STEPS_PER_EPOCH, Lessons, Schedule

FIRST = "1.0.0"
LICENCE = "CC BY 4.0 (weights); trained in part on data under the Open Database Licence and CC BY 4.0"
ATTRIBUTION = (
    "Trained on fields of the Taleghani set (Aria et al. 2021, DOI 10.34740/KAGGLE/DSV/2175623, Open Database Licence)"
    " and on single cells of PBC (Acevedo et al. 2020, DOI 10.17632/snkd93bnjr.1, CC BY 4.0), with outlines that this"
    " project computed, and on drawn fields."
)
INTENDED_USE = (
    "Finds leukocytes in fields of Romanowsky-stained blood films and marrow smears, and cuts nucleus and whole cell,"
    " for the models of LeukoLens and for measuring. It names no cell and no disease."
)
KNOWN_FAILURES = (
    "Cells that lie on each other are parted only as far as their cores are apart; a dense clump is undercounted.",
    "Nucleated erythrocytes count as leukocytes.",
    "In some stains erythrocytes are as violet as nuclei. They are told apart by the nuclei in the same picture: in a"
    " field without a leukocyte, and in dark corners, some are taken for leukocytes.",
    "Large platelets that fill a picture of their own are taken for leukocytes.",
    "Small, very dark cells without visible chromatin are sometimes missed.",
    "A leukocyte that lies against black dirt or precipitate is dropped with it.",
    "Smudged cells are sometimes taken for leukocytes, in part or whole.",
    "Outlines of pale cytoplasm, as of neutrophils in weak stains, are uncertain by several pixels.",
    "Nuclei in poorly focused or reddish pictures are cut too small or with their dark rim.",
    "No outline drawn by people was learnt from, but a dozen constants of what follows the network (touching cells,"
    " false positives, nuclei) were chosen with the two sets in view that it is measured on, and how blue nuclei are"
    " told from blue erythrocytes with the pictures of one hospital: expect somewhat less of other laboratories.",
)


def next_version(folder: Path) -> str:
    """Return the version of a network that takes the place of the one in `folder`: the next minor one.

    SegmenterError where what is there has a card that cannot be read, or a version of another form.
    """
    if not (folder / CARD).is_file():
        return FIRST
    version = read_card(folder).version
    numbers = re.fullmatch(r"(\d+)\.(\d+)\.\d+", version, re.ASCII)
    if numbers is None:
        raise SegmenterError(f"The version of '{folder.name}' is '{version}': write it as three numbers, as 1.0.0.")
    major, minor = numbers.groups()
    return f"{major}.{int(minor) + 1}.0"


def card(version: str, lessons: Lessons, schedule: Schedule, commit: str, results: Mapping[str, Measured]) -> MaskCard:
    """Return the card of a fitted network, without digests; `results` is what `segmentation` measured of it."""
    return MaskCard(
        schema=1,
        name=FOLDER.name,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        scope="mask",
        licence=LICENCE,
        attribution=ATTRIBUTION,
        data={"sources": len(lessons.sources), "single_cells": len(lessons.lonely)},
        recipe={
            "architecture": "unet",
            "widths": list(unet.WIDTHS),
            "scenes": schedule.epochs * STEPS_PER_EPOCH * BATCH,
            **asdict(schedule),
            "commit": commit,
        },
        metrics=to_json(results),
        frameworks={"keras": keras.__version__, "backend": keras.backend.backend()},
        intended_use=INTENDED_USE,
        known_failures=KNOWN_FAILURES,
        files={},
    )


def write(folder: Path, model: Any, described: MaskCard) -> Path:
    """Write the bundle to `folder`: all of it or nothing."""
    with replacing(folder) as draft:
        model.save(draft / MODEL)
        (draft / GRAPH).write_bytes(exported(model))
        describe(draft, asdict(described))
        verify(draft)
    return folder

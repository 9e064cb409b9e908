"""Evidence by leukocyte: by how much a field's answer changes when a leukocyte is painted out. Exact, one at a time.

A map's places are a few hundred pixels wide and lie across cells and slide alike; here what is taken away is always one
leukocyte, in the picture that the network is given, and the network answers anew (occlusion: Zeiler and Fergus 2014).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from smear.arrays import Array
from smear.inference.card import Card
from smear.inference.preprocess import begin, chain, prepare, run
from smear.segmentation.field import Field

if TYPE_CHECKING:
    from smear.inference.bundle import Bundle

TOGETHER = 64  # pictures shown to the network in one batch; more are shown in several, for memory's sake
RIM = 2  # working pixels around a leukocyte that are painted too, where the picture itself is


def evidence(bundle: "Bundle", field: Field) -> Array:
    """Return for each of a field's N leukocytes by how much it speaks for the likeliest label, float64 (N,).

    The change of the label's calibrated log-odds, ln(p / (1 - p)), when that leukocyte is painted out: above 0 where
    the answer is weaker without it, below 0 where it speaks against the label. Log-odds and not probabilities: of an
    answer of 0.999 no single leukocyte moves the probability much, and yet they differ in what they contribute. And
    not one logit, which can fall while the others fall more. All pictures are shown in the orientations in which the
    field itself was read, so that nothing differs but the leukocyte.

    ValueError where the bundle reads single cells.
    """
    if bundle.card.scope != "field":
        raise ValueError(f"the model '{bundle.card.name}' reads single cells, not fields")
    shown = np.concatenate([prepare(field, bundle.card)[None], without_each(field, bundle.card)])
    odds = log_odds(logits(bundle, shown), bundle.card.temperature)
    change: Array = odds[0] - odds[1:]
    return change


def without_each(field: Field, card: Card) -> Array:
    """Return what a card's network is given for a field without each of its leukocytes: uint8 (N, h, w, 3)."""
    cells = field.cells
    return painted_out(field, card, [cells & (field.labels != i + 1) for i in range(len(field))])


def painted_out(field: Field, card: Card, masks: list[Array]) -> Array:
    """Return what a card's network is given where of the leukocytes only some are left: uint8 (M, h, w, 3).

    masks: M, bool (h, w) at the working size, of the leukocytes that stay. For a network that is shown nothing
    but the leukocytes they are left out of its mask; for any other they are painted in the colour of the background.
    """
    steps = chain(card.preprocess, card.input)
    choosing = [i for i, step in enumerate(steps) if step.name == "only_leukocytes"]
    if choosing and steps[choosing[0]].parameters.get("segmenter") == "network":
        before = run(steps[: choosing[0]], begin(field))  # is the same for all of them
        pictures = [run(steps[choosing[0] :], replace(before, mask=mask)).rgb for mask in masks]
    else:
        pictures = [run(steps, begin(_painted(field, mask))).rgb for mask in masks]
    return np.stack(pictures) if pictures else np.zeros((0, card.input.height, card.input.width, 3), np.uint8)


def _painted(field: Field, keep: Array) -> Field:
    """Return a field whose other leukocytes are painted over with its background."""
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM + 1,) * 2)
    gone = cv2.dilate((field.cells & ~keep).view(np.uint8), rim).view(bool) & ~keep
    small = np.where(gone[..., None], field.background, field.small).astype(np.uint8)
    return replace(field, small=small, labels=np.where(keep, field.labels, 0).astype(np.int32))


def logits(bundle: "Bundle", shown: Array) -> Array:
    """Return the logits (M, C) of prepared pictures, uint8 (M, h, w, 3), in the orientations that the first takes."""
    which = bundle.network.orientations_of(shown[:1])
    together = max(1, TOGETHER // len(which))
    parts = [bundle.network.logits(shown[i : i + together], which) for i in range(0, len(shown), together)]
    return np.concatenate(parts)


def log_odds(logits: Array, temperature: float) -> Array:
    """Return the calibrated log-odds (M,) of the label that the first picture's logits (M, C) name."""
    scaled = np.asarray(logits, np.float64) / temperature
    label = int(scaled[0].argmax())
    others = np.delete(scaled, label, axis=1)
    highest = others.max(axis=1)
    result: Array = scaled[:, label] - highest - np.log(np.exp(others - highest[:, None]).sum(axis=1))
    return result

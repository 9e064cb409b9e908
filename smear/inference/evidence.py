"""Evidence by leukocyte: by how much a field's answer changes when a leukocyte is painted out. Exact, one at a time.

A map's places are a few hundred pixels wide and lie across cells and slide alike; here what is taken away is always one
leukocyte, in the picture that the network is given, and the network answers anew (occlusion: Zeiler and Fergus 2014).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.picture import Picture
from smear.inference.card import Card
from smear.inference.field_reader import Examination, Reader
from smear.inference.preprocess import begin, chain, run
from smear.inference.suggestion import UNFAMILIAR, calibrated
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
    examination = Reader(bundle).examine(Picture(field.rgb, ""), field=field)
    if examination.parts:
        return _in_parts(bundle, examination)
    shown = np.concatenate([examination.inputs, without_each(field, bundle.card)])
    answers = logits(bundle, shown)
    odds = log_odds(answers, bundle.card.temperature, int(answers[0].argmax()))
    change: Array = odds[0] - odds[1:]
    return change


def _in_parts(bundle: "Bundle", examination: Examination) -> Array:
    """Return the evidence of a field that was read in parts: what of a part is in no leukocyte of the field stays."""
    answers, places = list[Array](), list[Array]()
    familiar = list[bool]()
    for shown, (box, part) in zip(examination.inputs, examination.parts, strict=True):
        place = _in_whole(examination.field, part, box)
        present = np.unique(place[place >= 0])
        masks = [part.cells & ~np.isin(part.labels, np.flatnonzero(place == i) + 1) for i in present]
        answer = logits(bundle, np.concatenate([shown[None], painted_out(part, bundle.card, masks)]))
        familiar.append(bundle.suggest(answer[0], shown, part).outcome != UNFAMILIAR)
        answers.append(answer)
        places.append(present)
    pooled = [k for k, known in enumerate(familiar) if known] or list(range(len(answers)))
    temperature = bundle.card.temperature
    label = int(np.mean([calibrated(answers[k][0], temperature) for k in pooled], axis=0).argmax())
    odds = np.zeros((len(pooled), 1 + len(examination.field)))  # of each part, as it is and without each leukocyte
    for row, k in zip(odds, pooled, strict=True):
        of_part = log_odds(answers[k], temperature, label)
        row[:] = of_part[0]
        row[1 + places[k]] = of_part[1:]
    # Of the mean of probabilities p over the parts, ln(mean p / mean (1 - p)): neither is told from the other, which
    # would lose what stands behind the last digit of a 1.
    label_share, rest = (np.exp(-np.logaddexp(0, sign * odds)).mean(axis=0) for sign in (-1, 1))
    mean = np.log(label_share) - np.log(rest)
    change: Array = mean[0] - mean[1:]
    return change


def _in_whole(field: Field, part: Field, box: list[int]) -> Array:
    """Return which leukocyte of `field`, from 0, each of a part's is, int64 (n,); -1 for one that is none of them.

    box: x0, y0, x1, y1 of the part in the field's pixels. It is the one that has most of its pixels.
    """
    rows, columns = np.nonzero(part.labels)
    (height, width), (x0, y0, x1, y1) = part.labels.shape, box
    y = (y0 + (rows + 0.5) * (y1 - y0) / height) / field.scale
    x = (x0 + (columns + 0.5) * (x1 - x0) / width) / field.scale
    limits = np.array(field.labels.shape)[:, None] - 1
    y, x = np.minimum(np.array([y, x]).astype(np.int64), limits)
    shared = np.zeros((len(part), len(field) + 1), np.int64)
    np.add.at(shared, (part.labels[rows, columns] - 1, field.labels[y, x]), 1)
    shared[:, 0] = 0
    return np.where(shared.any(axis=1), shared.argmax(axis=1) - 1, -1)


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


def log_odds(logits: Array, temperature: float, label: int) -> Array:
    """Return the calibrated log-odds (M,) of a label, by its index, of pictures' logits (M, C)."""
    scaled = np.asarray(logits, np.float64) / temperature
    others = np.delete(scaled, label, axis=1)
    highest = others.max(axis=1)
    result: Array = scaled[:, label] - highest - np.log(np.exp(others - highest[:, None]).sum(axis=1))
    return result

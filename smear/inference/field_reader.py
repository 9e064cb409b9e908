"""From the bytes of a picture to a reading: the one way that the web, the command line and the evaluation take."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.imaging.decode import ImageError, Picture, decode
from smear.imaging.field_of_view import framed
from smear.inference import wide_field
from smear.inference.bundle import Bundle
from smear.inference.network import Forward
from smear.inference.preprocess import prepare
from smear.inference.reading import Reading, remarks
from smear.inference.suggestion import Reason, Suggestion, not_gradable, pooled
from smear.quality import debris
from smear.quality.quality_control import Finding, assess
from smear.segmentation.field import Field
from smear.segmentation.find import find


@dataclass(frozen=True)
class Examination:
    """A picture before the network has seen it: what is on it, and the network's inputs, uint8 (P, h, w, 3).

    There is one input, or, of a picture that is read in parts, one for each of `parts`: their boxes and fields.
    """

    picture: Picture
    field: Field
    findings: tuple[Finding, ...]
    refusals: tuple[Reason, ...]
    inputs: Array
    started: float
    parts: tuple[tuple[list[int], Field], ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed in reading, in sentences."""
        return self.picture.notes + wide_field.note(len(self.parts))

    @property
    def input(self) -> Array:
        """The first input, uint8 (h, w, 3)."""
        first: Array = self.inputs[0]
        return first


class Reader:
    """Reads pictures with one bundle.

    `examine` and `conclude` stand before and behind the network; the application puts its batching engine between.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.card = bundle.card
        self.notes = remarks(bundle.card)

    def read(self, data: bytes) -> Reading:
        """Return the reading of an image file's bytes; ImageError where they are no picture that can be read."""
        started = time.perf_counter()
        examination = self.examine(framed(decode(data)), started)
        if examination.refusals:
            return self.conclude(examination, None)
        return self.conclude(examination, self.answer([examination])[0])

    def answer(self, examinations: Sequence[Examination], maps: bool = True) -> list[Forward]:
        """Return what the network says of each picture, all of them in one pass; `maps`: with its maps."""
        forward = self.bundle.network.forward(
            np.concatenate([examination.inputs for examination in examinations]), maps
        )
        ends = np.cumsum([len(examination.inputs) for examination in examinations]).tolist()
        return [forward.some(start, end) for start, end in pairwise([0, *ends])]

    def read_many(self, batch: Iterable[bytes]) -> list[Reading | ImageError]:
        """Return readings in order, with one forward pass for all; an unreadable picture gives its ImageError."""
        results: list[Reading | ImageError | None] = []
        waiting: list[tuple[int, Examination]] = []
        for data in batch:
            try:
                examination = self.examine(framed(decode(data)))
            except ImageError as error:
                results.append(error)
                continue
            if not examination.refusals:
                waiting.append((len(results), examination))
            results.append(self.conclude(examination, None) if examination.refusals else None)
        if waiting:
            answers = self.answer([examination for _, examination in waiting])
            for (place, examination), forward in zip(waiting, answers, strict=True):
                results[place] = self.conclude(examination, forward)
        return [result for result in results if result is not None]

    def examine(self, picture: Picture, started: float | None = None, field: Field | None = None) -> Examination:
        """Return what is on `picture` and what the network would be given.

        field: the picture's, where it was segmented before; else it is segmented now.
        """
        started = time.perf_counter() if started is None else started
        field = find(picture.rgb) if field is None else field
        findings, refusals, shown = self._look(field)
        try:
            plan = wide_field.plan(field, self.card.scale)
        except wide_field.CellsTooSmallError as error:
            plan, refusals = None, refusals or (Reason(wide_field.MAGNIFICATION, error.text),)
        if plan is None:
            return Examination(picture, field, findings, refusals, shown[None], started)
        looked = [
            (box, part, *self._look(part))
            for box in plan.boxes.tolist()
            for part in [find(wide_field.part_of(picture.rgb, box, plan.zoom))]
        ]
        read = [(box, part, prepared) for box, part, _, refused, prepared in looked if not refused]
        if not read:
            return Examination(picture, field, findings, refusals or _commonest(looked), shown[None], started)
        # Light and focus are judged at the scale at which the model reads.
        findings = tuple(finding for finding in findings if finding.severity != "refuse")
        inputs = np.stack([prepared for _, _, prepared in read])
        parts = tuple((box, part) for box, part, _ in read)
        return Examination(picture, field, findings, (), inputs, started, parts)

    def _look(self, field: Field) -> tuple[tuple[Finding, ...], tuple[Reason, ...], Array]:
        """Return what is found in a field, why it should not be graded, and what the network would be given."""
        findings = (*assess(field), *debris.findings(field))
        refusals = [Reason(f.code, f.text) for f in findings if f.severity == "refuse"]
        shown = prepare(field, self.card)
        if not refusals and int((~field.cut & field.standing).sum()) < self.card.minimum_leukocytes:
            refusals.append(_too_few(int(field.standing.sum())))
        elif not refusals and shown.min() == shown.max():  # of what was found the model is shown nothing
            refusals.append(_too_few(0))
        return findings, tuple(refusals), shown

    def conclude(self, examination: Examination, forward: Forward | None) -> Reading:
        """Return the reading of an examined picture, given the network's answer for it (None: it was not asked)."""
        height, width = examination.picture.rgb.shape[:2]
        maps = np.zeros((len(self.card.labels), 0, 0), np.float32)
        if forward is not None and not examination.refusals:
            maps = forward.maps[0]
            if examination.parts:
                boxes = np.array([box for box, _ in examination.parts])
                maps = wide_field.stitched(list(forward.maps), boxes, height, width)
            largest = float(maps.max(initial=0))
            maps = maps / largest if largest > 0 else maps
        return Reading(
            bundle=self.card.name,
            version=self.card.version,
            suggestion=self.suggest(examination, forward),
            leukocytes=int(examination.field.standing.sum()),
            boxes=examination.field.boxes.tolist(),
            findings=examination.findings,
            notes=(
                *examination.picture.notes,
                *wide_field.note(len(examination.parts)),
                *(() if forward is None else self.notes),
            ),
            maps=maps,
            width=width,
            height=height,
            milliseconds=1000 * (time.perf_counter() - examination.started),
            parts=[box for box, _ in examination.parts],
        )

    def suggest(self, examination: Examination, forward: Forward | None) -> Suggestion:
        """Return the suggestion for an examined picture, pooled over its parts where it was read in parts."""
        if forward is None or examination.refusals:
            return not_gradable(examination.refusals)
        fields = [part for _, part in examination.parts] or [examination.field]
        suggestions = [
            self.bundle.suggest(logits, shown, field)
            for logits, shown, field in zip(forward.logits, examination.inputs, fields, strict=True)
        ]
        return pooled(suggestions, self.card) if examination.parts else suggestions[0]


def _commonest(looked: Sequence[tuple[Any, ...]]) -> tuple[Reason, ...]:
    """Return why most parts of a picture should not be graded; without parts, that there is no whole leukocyte."""
    reasons = [refused for _, _, _, refused, _ in looked]
    return max(reasons, key=reasons.count) if reasons else (_too_few(1),)


def _too_few(leukocytes: int) -> Reason:
    if leukocytes == 0:
        return Reason("no_leukocytes", "No leukocytes found in this field. Choose a field that has some.")
    return Reason(
        "no_whole_leukocyte", "Only leukocytes cut by the border were found. Move the field so that some are whole."
    )

"""From the bytes of a picture to a reading: the one way that the web, the command line and the evaluation take."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from smear import schema
from smear.arrays import Array
from smear.imaging.decode import ImageError, Picture, decode
from smear.inference import debris
from smear.inference.bundle import Bundle
from smear.inference.card import Card
from smear.inference.network import Forward
from smear.inference.preprocess import prepare
from smear.inference.quality_control import Finding, assess
from smear.inference.suggestion import Reason, Suggestion, not_gradable, upgraded
from smear.segmentation.field import Field
from smear.segmentation.find import find

MAP_DIGITS = 4
OF_THE_MAP = "The map shows what the network rests on."
OTHER_BRANCH = "The answer is that of a classifier ({}) on the network's features. " + OF_THE_MAP
NO_MAP = "There is no map: this model has no layer that keeps a place in the picture."


@dataclass(frozen=True)
class Reading:
    """What one bundle said of one picture. Immutable: another bundle's opinion is another reading.

    boxes: x0, y0, x1, y1 in pixels of the picture; maps: float32 (C, h, w), 0..1 relative to the largest value over
    all classes, (C, 0, 0) where not gradable; milliseconds: from bytes to here.
    """

    bundle: str
    version: str
    suggestion: Suggestion
    leukocytes: int
    boxes: list[list[int]]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    maps: Array
    width: int
    height: int
    milliseconds: float

    @property
    def shown(self) -> "Reading":
        """What people, reports and programs get of it: of a refusal no label, no number of the model, and no map.

        The one place that decides; a reading keeps all that was computed, for audits.
        """
        suggestion = self.suggestion.shown
        if suggestion.outcome == "suggested":
            return self
        notes = tuple(note for note in self.notes if note != NO_MAP and not note.endswith(OF_THE_MAP))
        return replace(self, suggestion=suggestion, maps=np.zeros((len(self.maps), 0, 0), np.float32), notes=notes)

    def to_json(self) -> dict[str, Any]:
        """Return the reading as JSON data; maps as nested lists rounded to four digits."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        data["suggestion"] = asdict(self.suggestion)
        data["findings"] = [asdict(finding) for finding in self.findings]
        data["notes"] = list(self.notes)
        data["maps"] = np.round(self.maps.astype(np.float64), MAP_DIGITS).tolist()
        data["milliseconds"] = round(self.milliseconds, 2)
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Reading":
        """Return the reading that `to_json` described, by whatever version; MismatchError where it is none."""
        read = {
            "suggestion": schema.read(Suggestion, upgraded(data.get("suggestion")), "reading.suggestion"),
            "findings": schema.read(tuple[Finding, ...], data.get("findings"), "reading.findings"),
            "notes": schema.read(tuple[str, ...], data.get("notes"), "reading.notes"),
            "maps": np.array(data.get("maps"), np.float32),
        }
        return cls(**{**data, **read})


@dataclass(frozen=True)
class Examination:
    """A picture before the network has seen it: what is on it, and the network's input, uint8 (h, w, 3)."""

    picture: Picture
    field: Field
    findings: tuple[Finding, ...]
    refusals: tuple[Reason, ...]
    input: Array
    started: float


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
        examination = self.examine(decode(data), started)
        if examination.refusals:
            return self.conclude(examination, None)
        return self.conclude(examination, self.bundle.network.forward(examination.input[None]))

    def read_many(self, batch: Iterable[bytes]) -> list[Reading | ImageError]:
        """Return readings in order, with one forward pass for all; an unreadable picture gives its ImageError."""
        results: list[Reading | ImageError | None] = []
        waiting: list[tuple[int, Examination]] = []
        for data in batch:
            try:
                examination = self.examine(decode(data))
            except ImageError as error:
                results.append(error)
                continue
            if not examination.refusals:
                waiting.append((len(results), examination))
            results.append(self.conclude(examination, None) if examination.refusals else None)
        if waiting:
            forward = self.bundle.network.forward(np.stack([one.input for _, one in waiting]))
            for index, (place, examination) in enumerate(waiting):
                results[place] = self.conclude(examination, forward.one(index))
        return [result for result in results if result is not None]

    def examine(self, picture: Picture, started: float | None = None, field: Field | None = None) -> Examination:
        """Return what is on `picture` and what the network would be given.

        field: the picture's, where it was segmented before; else it is segmented now.
        """
        started = time.perf_counter() if started is None else started
        field = find(picture.rgb) if field is None else field
        findings = (*assess(field), *debris.findings(field))
        refusals = [Reason(f.code, f.text) for f in findings if f.severity == "refuse"]
        whole = int((~field.cut).sum())
        shown = prepare(field, self.card)
        if not refusals and whole < self.card.minimum_leukocytes:
            refusals.append(_too_few(len(field)))
        elif not refusals and shown.min() == shown.max():  # of what was found the model is shown nothing
            refusals.append(_too_few(0))
        return Examination(picture, field, findings, tuple(refusals), shown, started)

    def conclude(self, examination: Examination, forward: Forward | None) -> Reading:
        """Return the reading of an examined picture, given the network's answer for it (None: it was not asked)."""
        if forward is None or examination.refusals:
            suggestion = not_gradable(examination.refusals)
            maps = np.zeros((len(self.card.labels), 0, 0), np.float32)
        else:
            suggestion = self.bundle.suggest(forward.logits[0], examination.input, examination.field)
            largest = float(forward.maps.max(initial=0))
            maps = forward.maps[0] / largest if largest > 0 else forward.maps[0]
        height, width = examination.picture.rgb.shape[:2]
        return Reading(
            bundle=self.card.name,
            version=self.card.version,
            suggestion=suggestion,
            leukocytes=len(examination.field),
            boxes=examination.field.boxes.tolist(),
            findings=examination.findings,
            notes=(*examination.picture.notes, *(() if forward is None else self.notes)),
            maps=maps,
            width=width,
            height=height,
            milliseconds=1000 * (time.perf_counter() - examination.started),
        )


def remarks(card: Card) -> tuple[str, ...]:
    """Return what has to be said with every reading: whose evidence the map shows, or that there is none."""
    if not card.explanation_layer:
        return (NO_MAP,)
    return (OTHER_BRANCH.format(card.head.classifier),) if card.head.file else ()


def _too_few(found: int) -> Reason:
    if found == 0:
        return Reason("no_leukocytes", "No leukocytes found in this field. Choose a field that has some.")
    return Reason(
        "no_whole_leukocyte", "Only leukocytes cut by the border were found. Move the field so that some are whole."
    )

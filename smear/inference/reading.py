"""A reading: what one bundle said of one picture, as it is kept, and what of it is shown."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from smear import schema
from smear.arrays import Array
from smear.inference.card import Card
from smear.inference.suggestion import Suggestion, upgraded
from smear.quality.quality_control import Finding

MAP_DIGITS = 4
OF_THE_MAP = "The map shows what the network rests on."
OTHER_BRANCH = "The answer is that of a classifier ({}) on the network's features. " + OF_THE_MAP
NO_MAP = "There is no map: this model has no layer that keeps a place in the picture."


@dataclass(frozen=True)
class Reading:
    """What one bundle said of one picture. Immutable: another bundle's opinion is another reading.

    boxes: x0, y0, x1, y1 in pixels of the picture; maps: float32 (C, h, w), 0..1 relative to the largest value over
    all classes, (C, 0, 0) where not gradable; milliseconds: from bytes to here; parts: boxes of the parts that were
    read of a picture that shows more than the model's training pictures, else none.
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
    parts: list[list[int]] = field(default_factory=list)

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
        maps = np.array(data.get("maps"), np.float32)  # of no map the nested lists have lost the shape
        read = {
            "suggestion": schema.read(Suggestion, upgraded(data.get("suggestion")), "reading.suggestion"),
            "findings": schema.read(tuple[Finding, ...], data.get("findings"), "reading.findings"),
            "notes": schema.read(tuple[str, ...], data.get("notes"), "reading.notes"),
            "maps": maps if maps.ndim == 3 else np.zeros((len(maps), 0, 0), np.float32),
        }
        return cls(**{**data, **read})


def remarks(card: Card) -> tuple[str, ...]:
    """Return what has to be said with every reading: whose evidence the map shows, or that there is none."""
    if not card.explanation_layer:
        return (NO_MAP,)
    return (OTHER_BRANCH.format(card.head.classifier),) if card.head.file else ()

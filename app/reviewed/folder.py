"""An export: a data set of fields, one of cells, or both; `python -m training` reads each manifest as it is.

    manifest.csv    path,label,group,source and, for whoever wants more, picture, label map, number, box, who labelled
    pictures/       the fields, losslessly and without metadata
    label_maps/     their leukocytes, as `smear.segmentation.label_map` has them
    crops/          of cells: the square around each, from the picture at its own size
    export.json     what was asked for, how much there is of it, what every label means, and what was left out and why

With both they lie in `cells` and `fields`; one alone is the folder itself. Names of files and groups are keyed codes:
no accession, no number of a patient, no name and no note is in it.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import cv2
import msgspec

from app.image_store import UnreadableError, image_store
from app.lab import patients
from app.records import Lab, SmearImage, now
from app.reviewed.choice import Choice
from app.reviewed.labels import DAMAGED, Labelled, LeftOut, labels
from app.stored_fields import FieldDamagedError, field_of
from app.version import __version__
from smear.arrays import Array
from smear.imaging.decode import encode
from smear.segmentation.field import Field

SCHEMA = 1
MANIFEST, DESCRIPTION = "manifest.csv", "export.json"
COLUMNS = ("path", "label", "group", "source", "picture", "label_map", "number", "box", "labelled_by")
AROUND = 2.0  # side of a crop over the longer side of the cell's box: its surroundings, and few of its neighbours
LEAST = 48  # pixels to a side

Put = Callable[[str, bytes], None]  # writes a file of the export under its name
Step = Callable[[int, int], None]  # is told how many images of how many are written


@dataclass
class Export:
    """An export that is being written: the rows of each data set, and what is left out."""

    lab: Lab
    choice: Choice
    put: Put
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    left: list[LeftOut] = field(default_factory=list)

    def below(self, kind: str, name: str) -> str:
        """Return where a file of a data set lies in the export."""
        return f"{kind}/{name}" if len(self.choice.kinds) > 1 else name

    def image(self, image: SmearImage, labelled: list[Labelled]) -> None:
        """Write one image with what is labelled of it."""
        try:
            picture = image_store().read_bytes(image.pixels_sha256)
            outlines = self.outlines(image)
            shown = field_of(image) if any(item.number for item in labelled) else None
        except (FieldDamagedError, UnreadableError):
            self.left += [LeftOut(image, item.number, DAMAGED, (item.name,)) for item in labelled]
            return
        name = patients.code(self.lab.id, "image", image.id)
        for kind in sorted({item.kind for item in labelled}):
            self.put(self.below(kind, f"pictures/{name}.png"), picture)
            if outlines:
                self.put(self.below(kind, f"label_maps/{name}.png"), outlines)
        for item in labelled:
            path = f"pictures/{name}.png"
            if shown is not None and item.number:
                path = f"crops/{name}-{item.number}.png"
                self.put(self.below(item.kind, path), encode(crop(shown, item.number), "PNG"))
            self.add(item, path, name, bool(outlines))

    def outlines(self, image: SmearImage) -> bytes:
        """Return the label map of an image; b"" where an older version kept none."""
        digest = image.detections.label_map_sha256 if image.detections else ""
        return image_store().read_bytes(digest) if digest else b""

    def add(self, item: Labelled, path: str, name: str, outlined: bool) -> None:
        """Add the row of the manifest for a field or a cell."""
        self.names[item.label] = item.name
        case = item.image.case
        box = item.image.detections.boxes[item.number - 1] if item.number and item.image.detections else []
        self.rows.setdefault(item.kind, []).append(
            {
                "path": path,
                "label": item.label,
                "group": item.group,
                "source": ", ".join(filter(None, (self.lab.name, case.microscope or self.lab.microscope, case.stain))),
                "picture": f"pictures/{name}.png",
                "label_map": f"label_maps/{name}.png" if outlined else "",
                "number": item.number or "",
                "box": " ".join(map(str, box)),
                "labelled_by": patients.code(self.lab.id, "reader", str(item.by)),
            }
        )

    def finish(self) -> dict[str, Any]:
        """Write the manifests and the description, and return the description."""
        for kind in self.choice.kinds:
            self.put(self.below(kind, MANIFEST), table(self.rows.get(kind, [])))
        described = {
            "schema": SCHEMA,
            "program": __version__,
            "made": now().date().isoformat(),
            "laboratory": self.lab.name,
            "asked": msgspec.to_builtins(self.choice),
            "labels": self.names,
            "counts": {kind: Counter(row["label"] for row in self.rows.get(kind, [])) for kind in self.choice.kinds},
            "groups": {kind: len({row["group"] for row in self.rows.get(kind, [])}) for kind in self.choice.kinds},
            "left_out": [
                {
                    "picture": patients.code(self.lab.id, "image", left_out.image.id),
                    "number": left_out.number,
                    "reason": left_out.reason,
                    "labels": list(left_out.labels),
                }
                for left_out in self.left
            ],
        }
        self.put(DESCRIPTION, (json.dumps(described, indent=1, ensure_ascii=False) + "\n").encode())
        return described


def write(lab: Lab, choice: Choice, put: Put, step: Step) -> dict[str, Any]:
    """Write the labels of a lab that are wanted, file by file, and return what `export.json` says.

    A label that somebody gives while it is written is not in it. OSError where the disk has no room.
    """
    items, left = labels(lab.id, choice)
    export = Export(lab, choice, put, left=list(left))
    of_images = [
        (image, list(own))
        for image, own in groupby(sorted(items, key=lambda item: item.image.id), lambda item: item.image)
    ]
    for place, (image, labelled) in enumerate(of_images):
        step(place, len(of_images))
        export.image(image, labelled)
    step(len(of_images), len(of_images))
    return export.finish()


def table(rows: list[dict[str, Any]]) -> bytes:
    """Return a manifest."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def crop(shown: Field, number: int) -> Array:
    """Return the square around cell `number`, from 1, of a field, uint8 RGB; beyond the picture is its background."""
    x0, y0, x1, y1 = (int(value) for value in shown.boxes[number - 1])
    side = max(LEAST, round(AROUND * max(x1 - x0, y1 - y0)))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    height, width = shown.rgb.shape[:2]
    inside = shown.rgb[max(0, top) : top + side, max(0, left) : left + side]
    above, before = max(0, -top), max(0, -left)
    below, behind = max(0, top + side - height), max(0, left + side - width)
    colour = [int(value) for value in shown.background]
    return cv2.copyMakeBorder(inside, above, below, before, behind, cv2.BORDER_CONSTANT, value=colour)

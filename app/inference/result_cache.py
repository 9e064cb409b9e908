"""What was computed of a picture, taken again when the same pixels come: segmented once, and read once by each bundle.

A result is kept by what it is a function of: the pixels; the segmenter, or for a reading the outlines it rests on; the
bundle's card, in which the hash of every file of it stands; and the version of this program. What people outlined, said
or corrected is no part of it: outlines that somebody redrew are others than the segmenter's, so that nothing is found
under them but what was computed with them.

The lab is a part of the key too. Across labs a picture is computed anew, though the answer would be the same: the time
that it takes would tell one lab that another has the picture. A row is believed for its seal with the audit key alone,
else whoever writes into the database could have a reading of theirs recorded as the model's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import ledger
from app.database import db
from app.records import CachedResult, SmearImage, now
from app.stored_fields import segmenter_name
from app.version import __version__
from smear.arrays import Array
from smear.inference.bundle import Bundle
from smear.inference.reading import Reading
from smear.segmentation import mask_network

KEPT = timedelta(days=30)  # after a result was last of use
OUTLINES, FIELD, CELLS, EVIDENCE = "outlines", "field", "cells", "evidence"  # kinds of results


class ResultCache:
    """The results of one picture in one lab: those that are known, and those that a transaction is to keep.

    rgb: uint8 (H, W, 3); label_map: SHA-256 of the stored outlines that readings rest on. While it is empty no reading
    is known, and none is kept.
    """

    def __init__(self, lab_id: int, rgb: Array, label_map: str = "") -> None:
        self.lab_id = lab_id
        self.label_map = label_map
        self._pixels = hashlib.sha256(f"{rgb.shape}".encode())
        self._pixels.update(np.ascontiguousarray(rgb).data)
        self._rows: dict[str, str] = {}

    @classmethod
    def of(cls, image: SmearImage, rgb: Array) -> ResultCache:
        """Return the results of a stored image with the outlines that it has now; rgb: its pixels."""
        return cls(image.case.lab_id, rgb, image.detections.label_map_sha256 if image.detections else "")

    def outlines(self) -> Any:
        """Return what the segmenter of today found in these pixels, as `add_outlines` was given it; None if unknown."""
        return self._get(self._key(OUTLINES, *_segmenter()))

    def add_outlines(self, content: Any) -> None:
        """Remember what the segmenter found, as JSON data."""
        self._rows[self._key(OUTLINES, *_segmenter())] = json.dumps(content)

    def get(self, kind: str, bundle: Bundle) -> Any:
        """Return what a bundle said, as JSON data; None where it is not known."""
        return self._get(self._key_of(kind, bundle)) if self.label_map else None

    def add(self, kind: str, bundle: Bundle, content: Any) -> None:
        """Remember what a bundle said, as JSON data."""
        if self.label_map:
            self._rows[self._key_of(kind, bundle)] = json.dumps(content)

    def reading(self, bundle: Bundle) -> Reading | None:
        """Return a bundle's reading of these pixels, without notes of the file that they came from."""
        data = self.get(FIELD, bundle)
        return None if data is None else Reading.from_json(data)

    def add_reading(self, bundle: Bundle, reading: Reading, notes: tuple[str, ...] = ()) -> None:
        """Remember a reading; notes: those that it begins with and that are of the file."""
        self.add(FIELD, bundle, replace(reading, notes=reading.notes[len(notes) :]).to_json())

    def keep(self, session: Session) -> None:
        """Write down what was remembered or was of use, in the transaction of what it was for; forget what is old."""
        secret, moment = ledger.key(), now()
        if secret is None:
            return
        for key, content in self._rows.items():
            seal = _seal(secret, key, content)
            session.merge(CachedResult(key=key, lab_id=self.lab_id, content=content, seal=seal, used_at=moment))
        session.execute(delete(CachedResult).where(CachedResult.used_at < moment - KEPT))

    def _get(self, key: str) -> Any:
        secret = ledger.key()
        query = select(CachedResult.content, CachedResult.seal).where(CachedResult.key == key)
        row = db.session.execute(query).first()
        if row is None or secret is None or not hmac.compare_digest(row.seal, _seal(secret, key, row.content)):
            return None
        self._rows[key] = row.content
        return json.loads(row.content)

    def _key_of(self, kind: str, bundle: Bundle) -> str:
        # Parts of a wide field are segmented for the reading, so that it rests on the segmenter beside the outlines.
        return self._key(kind, self.label_map, bundle.card_sha256, *_segmenter())

    def _key(self, *by: str) -> str:
        whole = [self.lab_id, self._pixels.hexdigest(), __version__, *by]
        return hashlib.sha256(ledger.canonical(whole)).hexdigest()


def _segmenter() -> tuple[str, str]:
    return segmenter_name(), mask_network.segmenter().graph_sha256


def _seal(secret: bytes, key: str, content: str) -> str:
    return hmac.new(secret, f"cached result {key} {content}".encode(), hashlib.sha256).hexdigest()

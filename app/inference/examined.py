"""A picture that comes in: examined, or recognized by its pixels, so that nothing of it is computed a second time."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec

from app.image_store import Stored, image_store
from app.inference.engine import engine
from app.inference.result_cache import ResultCache
from app.inference.waiting import Pending
from app.records import Detections
from app.stored_fields import keep_outlines, outlined
from smear.imaging.containers import Enclosed
from smear.imaging.decode import Picture
from smear.inference.bundle import Bundle
from smear.inference.reading import Reading
from smear.segmentation.field import Field


class Outlines(msgspec.Struct, frozen=True):
    """The leukocytes that the segmenter found in some pixels, as `Detections` has them, and the files of all of it."""

    segmenter: str
    boxes: list[list[int]]
    cut: list[bool]
    label_map: str
    pixels: str
    thumbnail: str

    def in_store(self) -> bool:
        """Return whether every file is in the store, whole; none of them is swept for another day then."""
        return all(image_store().renewed(digest) for digest in {self.label_map, self.pixels, self.thumbnail})


@dataclass
class Examined:
    """A picture that was looked at and waits for the network; it is stored before its reading is asked for."""

    bundle: Bundle
    cache: ResultCache
    pending: Pending

    @property
    def picture(self) -> Picture:
        """The picture itself."""
        return self.pending.picture

    @property
    def field(self) -> Field:
        """The picture with its leukocytes."""
        return self.pending.examination.field

    @property
    def leukocytes(self) -> int:
        """How many were found."""
        return len(self.field)

    def store(self) -> tuple[Stored, Detections]:
        """Put the picture and its outlines into the store; return where they lie and the record of the leukocytes."""
        stored, detections = image_store().put_picture(self.picture.rgb), keep_outlines(self.field)
        self.cache.label_map = detections.label_map_sha256
        outlines = Outlines(
            segmenter=detections.segmenter,
            boxes=detections.boxes,
            cut=detections.cut,
            label_map=detections.label_map_sha256,
            pixels=stored.pixels,
            thumbnail=stored.thumbnail,
        )
        self.cache.add_outlines(msgspec.to_builtins(outlines))
        return stored, detections

    def reading(self) -> Reading:
        """Wait for the network and return the reading; EngineBusyError where it does not answer."""
        reading = self.pending.reading()
        self.cache.add_reading(self.bundle, reading, self.picture.notes)
        return reading


@dataclass
class Recognized:
    """A picture whose pixels the lab had before: what was found and read then is what is found and read now.

    known: the reading, without notes of the file; started: as `time.perf_counter` counts.
    """

    bundle: Bundle
    picture: Picture
    cache: ResultCache
    outlines: Outlines
    known: Reading
    started: float

    @cached_property
    def field(self) -> Field:
        """The picture with its leukocytes."""
        return outlined(self.outlines.label_map, self.picture.rgb)

    @property
    def leukocytes(self) -> int:
        """How many there are."""
        return len(self.outlines.boxes)

    def store(self) -> tuple[Stored, Detections]:
        """Return where the picture lies already, and a new record of its leukocytes."""
        known = self.outlines
        detections = Detections(
            segmenter=known.segmenter, boxes=known.boxes, cut=known.cut, label_map_sha256=known.label_map
        )
        return Stored(known.pixels, known.thumbnail), detections

    def reading(self) -> Reading:
        """Return the reading with what was changed in opening this file, and the time that it took now."""
        milliseconds = 1000 * (time.perf_counter() - self.started)
        return replace(self.known, notes=self.picture.notes + self.known.notes, milliseconds=milliseconds)


def examine(lab_id: int, bundle_name: str, enclosed: Enclosed) -> Examined | Recognized:
    """Decode a picture of a file; recognize it, or look at it and queue what the network must see.

    ImageError where it is no picture that can be read; the errors of `Engine.bundle`.
    """
    bundle = engine().bundle(bundle_name)
    started = time.perf_counter()
    with engine().slots.upload(enclosed.data), engine().slots.unpacking():
        picture = enclosed.decode()
        cache = ResultCache(lab_id, picture.rgb)
        cached = cache.outlines()
        outlines = None if cached is None else msgspec.convert(cached, Outlines)
        if outlines is None or not outlines.in_store():
            return Examined(bundle, cache, engine().examine(bundle, picture, started))
        cache.label_map = outlines.label_map
        known = cache.reading(bundle)
        if known is not None:
            return Recognized(bundle, picture, cache, outlines, known, started)
        field = outlined(outlines.label_map, picture.rgb)
        return Examined(bundle, cache, engine().examine(bundle, picture, started, field))

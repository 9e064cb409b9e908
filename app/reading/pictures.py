"""The bytes of pictures: thumbnails, the stored pixels, the views of a reading and the map drawn on the server."""

from __future__ import annotations

import logging
from io import BytesIO
from typing import Any

import numpy as np
from flask import abort, current_app, make_response, request, send_file

from app.access import image_or_404, member, reading_or_404
from app.inference import evidence
from app.inference.engine import engine
from app.inference.loaded_bundles import card_of_version
from app.reading import more_maps
from app.reading.blueprint import bp
from app.records import Reading
from app.stored_fields import FieldDamagedError, bytes_of, field_of, pixels_of
from smear.arrays import Array
from smear.imaging.decode import encode
from smear.inference.card import Card
from smear.rendering import overlays

log = logging.getLogger("leukolens.pictures")

OPACITY = round(100 * overlays.OPACITY)  # per cent, at first
BY_LEUKOCYTE = "leukocytes"  # the view that shades each by how much it counts
LOSSLESS_PIXELS = 640 * 640  # larger views go as JPEG: a megapixel of smear as PNG is slow to pack and to send


@bp.get("/images/<image_id>/thumbnail")
@member
def thumbnail(image_id: str) -> Any:
    """Send the small picture."""
    return stored(image_or_404(image_id).thumbnail_sha256)


@bp.get("/images/<image_id>/pixels")
@member
def pixels(image_id: str) -> Any:
    """Send every pixel of the picture, without loss."""
    return stored(image_or_404(image_id).pixels_sha256)


@bp.get("/readings/<reading_id>/views/<name>")
@member
def view(reading_id: str, name: str) -> Any:
    """Send one view of a reading's picture; `?first=3` outlines these many leukocytes only, without their shades."""
    reading = reading_or_404(reading_id)
    if name == BY_LEUKOCYTE:
        first = request.args.get("first", 0, type=int)
        if not evidence.counting(reading):
            abort(404)
        return drawn(reading, f"{name}{first}", lambda: by_leukocyte(reading, pixels_of(reading.image), first))
    if name not in overlays.NAMES:
        abort(404)
    card = card_of(reading)
    if card is None and name == "model":
        abort(404)
    return drawn(reading, name, lambda: overlays.render(field_of(reading.image, reading.made_at), name, card))


@bp.get("/readings/<reading_id>/overlay/<label>")
@member
def overlay(reading_id: str, label: str) -> Any:
    """Send the picture with a label's map on it, for printing and for browsers without script; a refusal has none."""
    reading = reading_or_404(reading_id)
    names = [known.id for known in reading.labels]
    if label not in names or not reading.detail.maps.size:
        abort(404)
    opacity = min(100, max(0, request.args.get("opacity", OPACITY, type=int))) / 100
    method = request.args.get("method", "")
    if method not in more_maps.SLOW:
        method = ""
    grid = reading.detail.maps[names.index(label)]
    if slower := more_maps.drawn(reading).get(method, {}).get(label):
        grid = np.array(slower, np.float32)
    card = card_of(reading)
    what = f"{label}{opacity}{method}{'' if card is None else 'model'}"
    return drawn(reading, what, lambda: overlays.overlay(under_map(reading, card), grid, opacity))


def under_map(reading: Reading, card: Card | None) -> Array:
    """Return what a map is laid on: what the network was given, or the picture where version or outlines are gone.

    Of a field that was read in parts it is the picture too.
    """
    if card is not None and not reading.detail.parts:
        try:
            return overlays.model_input(field_of(reading.image, reading.made_at), card)
        except FieldDamagedError:
            log.warning("the outlines of image %s cannot be read", reading.image_id)
    return pixels_of(reading.image)


def by_leukocyte(reading: Reading, rgb: Array, first: int = 0) -> Array:
    """Return a reading's picture `rgb` with every leukocyte shaded by how much it counts.

    first: where above 0, that many of those that count most are outlined, and nothing is shaded.
    """
    row, counting = evidence.of(reading), evidence.counting(reading)
    if row is None:
        return rgb
    shown = [leukocyte for leukocyte in counting if leukocyte.change > 0][:first] if first > 0 else counting
    polygons = {leukocyte.number: row.outlines[leukocyte.number - 1] for leukocyte in shown}
    if first > 0:  # for a report, which shows it small
        return overlays.shaded(rgb, polygons, {}, boldness=3)
    return overlays.shaded(rgb, polygons, {leukocyte.number: leukocyte.weight for leukocyte in shown})


def card_of(reading: Reading) -> Card | None:
    """Return the card that made a reading, unless that version is no longer published."""
    return card_of_version(current_app.config["MODELS_DIR"], reading.bundle, reading.version)


def stored(digest: str) -> Any:
    """Send a stored picture; the browser keeps it but asks each time whether it still may show it."""
    if request.if_none_match.contains(digest):
        response = make_response("", 304)
    else:
        response = send_file(BytesIO(bytes_of(digest)), mimetype="image/png")
    response.set_etag(digest)
    return response


def drawn(reading: Reading, what: str, render: Any) -> Any:
    """Send a picture made on request, unless the browser has it: a reading never changes."""
    etag = f"{reading.id}-{what}"
    if request.if_none_match.contains(etag):
        response = make_response("", 304)
    else:
        with engine().slots.stored(reading.image.pixel_count):
            rgb: np.ndarray = render()
        small = rgb.shape[0] * rgb.shape[1] <= LOSSLESS_PIXELS
        response = make_response(encode(rgb, "PNG") if small else encode(rgb, "JPEG"))
        response.mimetype = "image/png" if small else "image/jpeg"
    response.set_etag(etag)
    return response

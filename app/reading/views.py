"""The reading page: the picture, what was suggested and why, and on what the suggestion rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.access import image_or_404, member
from app.cases import opinions
from app.cases.next_steps import next_steps
from app.database import db
from app.differential.cells import Cell, fields_of
from app.differential.sources import counting_source
from app.inference import evidence, job_queue
from app.reading import more_maps
from app.reading.blueprint import bp
from app.reading.cell_types import short_names, types_sentence
from app.reading.pictures import BY_LEUKOCYTE, OPACITY, card_of
from app.records import IMAGE_ORDER, Reading, SmearImage
from app.records.review import COMMENT_LENGTH
from app.reviews import reviews
from app.rules import RefusedError
from app.template_filters import FALLBACK_INTENDED_USE
from app.terms import term_lists
from app.terms.term_lists import SENTENCE
from smear.inference.card import Label
from smear.rendering import overlays


@bp.get("/cases/<case_id>/images/<image_id>")
@member
def read(case_id: str, image_id: str) -> str:
    """Show one image and one of its readings, the first unless another is asked for."""
    return read_page(image_or_404(image_id, case_id))


def read_page(image: SmearImage, comment: str = "", problem: str = "") -> str:
    """Draw the page, with what was typed and what is wrong with it where a review was refused."""
    case_id = image.case_id
    wanted = request.args.get("reading")
    reading = next((r for r in image.readings if r.id == wanted), None) if wanted else image.reading
    if reading is None:
        abort(404)
    detail = reading.detail
    rows = probability_rows(reading)
    has_maps = detail.maps.size > 0
    counting = evidence.counting(reading)
    names = [
        "original",
        "median",
        "mask",
        *(["model"] if has_model_view(reading) else []),
        *([BY_LEUKOCYTE] if counting else []),
        *(["map"] if has_maps else []),
    ]
    view = request.args.get("view", "original")
    shown = request.args.get("label") or (rows[0].id if rows else "")
    maps = more_maps.drawn(reading)
    method = request.args.get("method", "")
    method = method if shown in maps.get(method, {}) else "grad-cam"
    siblings = strip(case_id)
    source = counting_source(case_id, current_user.lab)
    cells = fields_of(case_id, source, only=image.id)[1]
    place = [sibling.id for sibling in siblings].index(image.id)
    return render_template(
        "reading/show.html",
        case=image.case,
        image=image,
        reading=reading,
        detail=detail,
        rows=rows,
        views=names,
        view=view if view in names else "original",
        shown=shown if any(row.id == shown for row in rows) else "",
        opacity=OPACITY,
        stage=stage_data(reading, maps, cells),
        types=types_sentence(reading, cells, source),
        source=source,
        blind_to_blasts=source is not None and not source.flags_blasts,
        counting=counting,
        evidence_jobs=[] if counting else job_queue.newest(case_id, [evidence.KIND], reading.id),
        methods={"grad-cam": more_maps.NAMES["grad-cam"]} | {name: more_maps.NAMES[name] for name in maps},
        method=method,
        may_ask_maps=has_maps and not detail.parts and not all(shown in maps.get(name, {}) for name in more_maps.SLOW),
        jobs=[job for job in job_queue.newest(case_id, [more_maps.KIND]) if job.argument.startswith(reading.id)],
        siblings=siblings,
        before=siblings[place - 1] if place else None,
        after=siblings[place + 1] if place + 1 < len(siblings) else None,
        place=place + 1,
        steps=next_steps(reading, image.case, current_user.is_admin, place + 1),
        others=other_bundles(image),
        choices_offered=reviews.labels_for(image.reading, current_user.lab_id),
        sentences=term_lists.terms(current_user.lab_id, SENTENCE),
        comment=comment,
        problem=problem,
        comment_length=COMMENT_LENGTH,
        intended_use=reading.intended_use or FALLBACK_INTENDED_USE,
    )


@dataclass(frozen=True)
class ProbabilityRow:
    """A label with its calibrated probability, 0..1, and its place among the card's labels."""

    label: Label
    probability: float
    index: int

    @property
    def id(self) -> str:
        """Return the label's id."""
        return self.label.id


def probability_rows(reading: Reading) -> list[ProbabilityRow]:
    """Return the labels with their probabilities, the likeliest first; none where nothing is suggested."""
    probabilities = reading.detail.suggestion.probabilities
    rows = [
        ProbabilityRow(label, probabilities[label.id], index)
        for index, label in enumerate(reading.labels)
        if label.id in probabilities
    ]
    return sorted(rows, key=lambda row: -row.probability)


def has_model_view(reading: Reading) -> bool:
    """Whether one picture is what the network was given: of a field that was read in parts there are several."""
    return card_of(reading) is not None and not reading.detail.parts


def stage_data(reading: Reading, maps: dict[str, dict[str, Any]], cells: list[Cell]) -> dict[str, Any]:
    """Return what the page's script draws from; cells: those of the field."""
    detail, row = reading.detail, evidence.of(reading)
    weights = {leukocyte.number: round(leukocyte.weight, 3) for leukocyte in evidence.counting(reading)}
    return {
        "width": detail.width,
        "height": detail.height,
        # The numbers are those of the cells page, also where another version of the segmenter read this.
        "boxes": reading.image.detections.boxes if reading.image.detections else detail.boxes,
        "types": short_names(cells),
        "gone": [cell.number for cell in cells if cell.redrawn],
        "parts": detail.parts,
        "cell": request.args.get("cell", 0, type=int),
        "inferno": overlays.INFERNO.tobytes().hex(),
        "maps": {
            label.id: detail.maps[index].round(4).tolist()
            for index, label in enumerate(reading.labels)
            if detail.maps.size
        },
        "methods": maps,
        # By their numbers: how much each leukocyte counts, -1..1, and its outline.
        "weights": weights,
        "outlines": {number: row.outlines[number - 1] for number in weights} if row else {},
        "views": {
            name: url_for("reading.view", reading_id=reading.id, name=name)
            for name in ("original", "median", "mask", *(["model"] if has_model_view(reading) else []))
        },
    }


def strip(case_id: str) -> list[SmearImage]:
    """Return the images of a case in order, for the strip of thumbnails."""
    query = (
        select(SmearImage)
        .where(SmearImage.case_id == case_id)
        .order_by(*IMAGE_ORDER)
        .options(selectinload(SmearImage.readings), selectinload(SmearImage.reviews))
    )
    return list(db.session.scalars(query))


def other_bundles(image: SmearImage) -> list[str]:
    """Return the bundles that read whole fields, could read this image and have not."""
    done = {(reading.bundle, reading.version) for reading in image.readings}
    return [name for name, card in opinions.usable().items() if (card.name, card.version) not in done]


@bp.post("/cases/<case_id>/images/<image_id>/readings")
@member
def second_opinion(case_id: str, image_id: str) -> Any:
    """Add a reading by another bundle."""
    image = image_or_404(image_id, case_id)
    name = request.form.get("bundle", "")
    if name not in other_bundles(image):
        flash(_("Choose a model that has not read this image yet."), "error")
        return redirect(url_for("reading.read", case_id=case_id, image_id=image_id))
    try:
        reading = opinions.read_again(image, name, current_user.id, current_user.lab_id)
    except RefusedError as refused:
        flash(refused.text, "error")
        return redirect(url_for("reading.read", case_id=case_id, image_id=image_id))
    return redirect(url_for("reading.read", case_id=case_id, image_id=image_id, reading=reading.id))


@bp.post("/cases/<case_id>/images/<image_id>/maps")
@member
def ask_maps(case_id: str, image_id: str) -> Any:
    """Compute the slower maps of one label of a reading, as a job."""
    image = image_or_404(image_id, case_id)
    label = request.form.get("label", "")
    reading = next((row for row in image.readings if row.id == request.form.get("reading")), None) or abort(404)
    try:
        more_maps.ask(reading, label, current_user)
    except RefusedError as refused:
        flash(refused.text, "error")
    back = url_for("reading.read", case_id=case_id, image_id=image_id, reading=reading.id, view="map", label=label)
    return redirect(back)


@bp.post("/cases/<case_id>/images/<image_id>/evidence")
@member
def ask_evidence(case_id: str, image_id: str) -> Any:
    """Compute the evidence by leukocyte of a reading that an older version left without, as a job."""
    image = image_or_404(image_id, case_id)
    reading = next((row for row in image.readings if row.id == request.form.get("reading")), None) or abort(404)
    try:
        evidence.ask(reading, current_user)
    except RefusedError as refused:
        flash(refused.text, "error")
    return redirect(url_for("reading.read", case_id=case_id, image_id=image_id, reading=reading.id))

"""Cases: opening one, adding images, and the page on which an image is read."""

from __future__ import annotations

import secrets
from typing import Any

from flask import abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user
from sqlalchemy import func, select

from app.access import case_or_404, image_or_404, member
from app.cases import details, gallery, intake, opinions, summary
from app.cases.blueprint import bp
from app.cases.forms import STAINS, CaseForm
from app.cases.intake import Incoming
from app.cases.upload_views import ACCEPTED, asked_position, take_in_all
from app.database import db
from app.differential import review_rules
from app.differential.cells import fields_of
from app.differential.count import differential, sentence
from app.differential.sources import counting_source
from app.inference import job_queue
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.waiting import EngineBusyError
from app.lab import patients
from app.records import Case, SmearImage
from app.reviews import blind_reading
from app.rules import RefusedError
from app.template_filters import wants_json
from app.terms import term_lists
from app.terms.term_lists import AMENDMENT
from smear.imaging import synthetic
from smear.imaging.containers import Enclosed
from smear.imaging.decode import encode
from smear.inference import floors

DRAWN_SIZE = 448


@bp.get("/cases/new")
@member
def new() -> str:
    """Offer an empty case."""
    result: str = new_case_page(CaseForm())
    return result


@bp.post("/cases/new")
@member
def create() -> Any:
    """Open a case, with whatever files a browser without our script sent along."""
    form = CaseForm()
    if not form.validate_on_submit() or form.warn():
        return refuse_case(form)
    try:
        case = details.create_case(form.data, current_user)
    except RefusedError as refused:
        form.accession.errors = [refused.text]
        return refuse_case(form)
    if wants_json():
        return jsonify(case_json(case)), 201
    take_in_all(case, request.files.getlist("image"))
    if request.form.get("drawing") in synthetic.KINDS:
        try:
            add_drawing(case, request.form["drawing"])
        except (RefusedError, BundleUnusableError, EngineBusyError) as error:
            flash(error.text, "error")  # on the page of the case, which is there already
    ask_others(case.id)
    return redirect(url_for("cases.show", case_id=case.id))


def ask_others(case_id: str) -> None:
    """Let the models that were ticked read the images too; one that cannot is told of, and the case stays."""
    for name in request.form.getlist("opinion"):
        try:
            if name in opinions.offered(case_id):
                opinions.read_case(case_or_404(case_id), name, current_user)
        except (RefusedError, BundleUnusableError, EngineBusyError) as error:
            flash(error.text, "error")


def new_case_page(form: CaseForm, code: int = 200) -> Any:
    """Draw the form, with its complaints where it has some."""
    page = render_template(
        "cases/new.html",
        form=form,
        stains=STAINS,
        kinds=synthetic.KINDS,
        limit=current_app.config["MAX_UPLOAD_BYTES"],
        accepted=ACCEPTED,
        others=[(card, floors.unmet(card)) for card in opinions.other_cards(current_user.lab_id)],
    )
    return page if code == 200 else (page, code)


def refuse_case(form: CaseForm) -> Any:
    """Say what is missing."""
    if wants_json():
        complaints = {field.name: str(field.errors[0]) for field in form if field.errors}
        return jsonify(errors=complaints, confirmed=form.confirmed.data or ""), 400
    return new_case_page(form, 400)


def case_json(case: Case) -> dict[str, Any]:
    """Tell the page's script where the files go."""
    last = db.session.scalar(select(func.max(SmearImage.position)).where(SmearImage.case_id == case.id))
    return {
        "next": (last or 0) + 1,
        "id": case.id,
        "accession": case.accession,
        "url": url_for("cases.show", case_id=case.id),
        "images": url_for("cases.upload", case_id=case.id),
        "drawings": url_for("cases.draw", case_id=case.id),
        "opinions": url_for("cases.read_case", case_id=case.id),
    }


@bp.get("/cases/<case_id>")
@member
def show(case_id: str) -> str:
    """Show a case and its images."""
    return case_page(case_or_404(case_id))


def case_page(case: Case, untold: str = "") -> str:
    """Draw the page; untold: why it was not written down who was told of the count, which stays in its field."""
    readings = summary.brief_readings(case.id)
    differing = summary.differing(readings)
    images = gallery.tiles(case.id, readings, differing)
    order = request.args.get("order", "")
    return render_template(
        "cases/show.html",
        case=case,
        images=images,
        shown=gallery.in_order(images, order),
        order=order if order in gallery.ORDERS else gallery.ORDERS[0],
        summary=summary.pooled(readings),
        differing=differing,
        intended_use=gallery.intended_use(images),
        kinds=synthetic.KINDS,
        addresses=case_json(case),
        reasons=intake.removal_reasons(case.lab_id),
        amendment_reasons=term_lists.names(case.lab_id, AMENDMENT),
        blind_reading=blind_part(case),
        untold=untold,
        **count_part(case),
        signatures=case.signatures,
        amendments=case.amendments,
        limit=current_app.config["MAX_UPLOAD_BYTES"],
        accepted=ACCEPTED,
        jobs=job_queue.newest(case.id, [opinions.KIND]),
        opinions=opinions.offered(case.id),
        earlier=patients.earlier_cases(case),
    )


def count_part(case: Case) -> dict[str, Any]:
    """Return what the page says of the case's cells: the count, which rules of the lab it meets, and who was told."""
    source = counting_source(case.id, current_user.lab)
    _fields, cells = fields_of(case.id, source)
    labels = source.labels if source else ()
    return {
        "count": differential(cells, labels),
        "count_words": sentence(cells, labels),
        "counted_by": source,
        "rules_met": review_rules.stored_rules(case),
        "told": review_rules.told_of(case.id),
        "told_length": review_rules.TOLD_LENGTH,
    }


def blind_part(case: Case) -> dict[str, Any]:
    """Return what the page says of second readings: the one that goes on without its reviews, and those done."""
    going_on = blind_reading.open_reading(db.session, case.id)
    possible = case.state != "signed" and 0 < case.image_count == case.reviewed_count and not going_on
    return {
        "going_on": going_on,
        "given": len(going_on.reviews) if going_on else 0,
        "finished": blind_reading.finished(case.id),
        "candidates": [candidate for candidate in blind_reading.candidates(case) if candidate.id != current_user.id]
        if possible
        else [],
    }


@bp.post("/cases/<case_id>/drawings")
@member
def draw(case_id: str) -> Any:
    """Add a field that our own code draws, for someone who has no smear at hand."""
    case = case_or_404(case_id)
    kind = request.form.get("kind", "")
    if kind not in synthetic.KINDS:
        abort(400)
    try:
        image = add_drawing(case, kind)
    except RefusedError as refused:
        return refused_page(refused, case_id)
    if wants_json():
        return jsonify(gallery.image_json(image)), 201
    return redirect(url_for("cases.show", case_id=case_id))


def refused_page(refused: RefusedError, case_id: str) -> Any:
    """Say why the case's images stay as they are: to the page's script, or on the page of the case."""
    if wants_json():
        return jsonify(error=refused.text), 409
    flash(refused.text, "error")
    return redirect(url_for("cases.show", case_id=case_id))


def add_drawing(case: Case, kind: str) -> SmearImage:
    """Draw a field of a kind and take it in, marked as a drawing."""
    seed = secrets.randbelow(1_000_000)
    data = encode(synthetic.field(seed, kind, DRAWN_SIZE), "PNG")
    name = f"{kind.replace('_', ' ')} {seed}"
    incoming = Incoming(Enclosed(name, data), name, drawn=True, position=asked_position())
    return intake.take_in(case, incoming, current_user)


@bp.post("/cases/<case_id>/images/<image_id>/remove")
@member
def remove(case_id: str, image_id: str) -> Any:
    """Take an image out of the case."""
    image = image_or_404(image_id, case_id)
    name = image.display_name
    reason = request.form.get("reason", "taken_back")
    if reason not in intake.removal_reasons(current_user.lab_id):
        abort(400)
    try:
        intake.remove(image, current_user, reason)
    except RefusedError as refused:
        return refused_page(refused, case_id)
    if wants_json():
        return jsonify(removed=image_id)
    flash(_("%(name)s was removed from the case.", name=name), "info")
    return redirect(url_for("cases.show", case_id=case_id))

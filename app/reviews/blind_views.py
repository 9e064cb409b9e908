"""Blind second readings: somebody else reads the case, and knows neither suggestion nor review until done."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user
from sqlalchemy import select

from app.access import blind_image_or_404, case_or_404, clinician, member
from app.database import db
from app.records import IMAGE_ORDER, BlindReading, SmearImage
from app.reviews import blind_reading, reviews
from app.reviews.blueprint import bp
from app.rules import RefusedError
from app.template_filters import review_words
from app.terms import term_lists
from app.terms.term_lists import SENTENCE
from smear.rendering import overlays
from smear.statistics import agreement


@bp.post("/cases/<case_id>/blind/ask")
@clinician
def ask(case_id: str) -> Any:
    """Ask a colleague for a blind reading."""
    try:
        row = blind_reading.ask(case_or_404(case_id), request.form.get("reader", type=int), current_user)
        flash(_("%(who)s finds the case in the worklist, without what was seen before.", who=row.reader.shown_name))
    except RefusedError as refused:
        flash(refused.text, "error")
    return redirect(url_for("cases.show", case_id=case_id))


@bp.post("/cases/<case_id>/blind/withdraw")
@clinician
def withdraw(case_id: str) -> Any:
    """Do without the second reading."""
    try:
        blind_reading.withdraw(case_or_404(case_id), current_user)
        flash(_("The second reading is withdrawn."), "info")
    except RefusedError as refused:
        flash(refused.text, "error")
    return redirect(url_for("cases.show", case_id=case_id))


@bp.get("/cases/<case_id>/blind")
@clinician
def begin(case_id: str) -> Any:
    """Open the first image on which the second reader has not given a review."""
    reading = blind_reading.own_reading_or_404(case_id, current_user)
    return redirect(next_image(reading) or url_for("worklist.show"))


def next_image(reading: BlindReading) -> str | None:
    """Return the address of the next image without a review."""
    reviewed_ids = {review.image_id for review in reading.reviews}
    for image in images_of(reading.case_id):
        if image.id not in reviewed_ids:
            return url_for("reviews.read", case_id=reading.case_id, image_id=image.id)
    return None


def images_of(case_id: str) -> list[SmearImage]:
    """Return the images of a case in order."""
    query = select(SmearImage).where(SmearImage.case_id == case_id)
    return list(db.session.scalars(query.order_by(*IMAGE_ORDER)))


@bp.get("/cases/<case_id>/blind/<image_id>")
@clinician
def read(case_id: str, image_id: str) -> str:
    """Show an image and nothing that anybody or anything said of it."""
    return read_page(blind_reading.own_reading_or_404(case_id, current_user), blind_image_or_404(image_id, case_id))


def read_page(reading: BlindReading, image: SmearImage, problem: str = "") -> str:
    """Draw the page, with what was typed where a review was refused."""
    images = images_of(reading.case_id)
    picture = url_for("reading.pixels", image_id=image.id)
    return render_template(
        "reviews/read.html",
        case=image.case,
        image=image,
        images=images,
        place=[sibling.id for sibling in images].index(image.id) + 1,
        given={review.image_id: review for review in reading.reviews},
        stage={
            "width": image.width,
            "height": image.height,
            "boxes": [],
            "gone": [],
            "parts": [],
            "maps": {},
            "inferno": overlays.INFERNO.tobytes().hex(),
            "views": {"original": picture},
        },
        picture=picture,
        choices_offered=reviews.labels_for(image.reading, current_user.lab_id),
        sentences=term_lists.terms(current_user.lab_id, SENTENCE),
        comment=term_lists.typed(request.form, "comment"),
        problem=problem,
    )


@bp.post("/cases/<case_id>/blind/<image_id>")
@clinician
def give(case_id: str, image_id: str) -> Any:
    """Take down what the second reader sees, and go on."""
    reading, image = blind_reading.own_reading_or_404(case_id, current_user), blind_image_or_404(image_id, case_id)
    try:
        labels = reviews.labels_for(image.reading, current_user.lab_id)
        choice = reviews.parse(request.form.get("choice", ""), term_lists.typed(request.form, "comment"), 0, labels)
        done = blind_reading.give(reading, image, choice, current_user)
    except RefusedError as refused:
        still = blind_reading.open_reading(db.session, case_id)
        if still is None or still.id != reading.id:
            flash(refused.text, "error")
            return redirect(url_for("worklist.show"))
        return read_page(still, blind_image_or_404(image_id, case_id), refused.text), 409
    if done:
        flash(_("Your second reading is done. Now you see what was seen and suggested before."), "info")
        return redirect(url_for("cases.show", case_id=case_id))
    return redirect(url_for("reviews.begin", case_id=case_id))


@bp.get("/agreement")
@member
def show_agreement() -> str:
    """Show how far first and second readers of the lab agree."""
    rows = blind_reading.pairs_of(current_user.lab_id)
    names = {row.code: review_words(row) for pair in rows for row in pair}
    pairs = [(first.code, blind.code) for first, blind in rows]
    return render_template(
        "reviews/agreement.html",
        agreement=agreement(pairs),
        table=Counter(pairs),
        names=dict(sorted(names.items())),
    )

"""Labelling what was picked, one after the other: the picture alone, and no word of what a model says of it."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import blind_cases, clinician
from app.cells.annotations import Act, AnnotatedMeanwhileError, Seen, annotate, parse_choice
from app.database import db
from app.differential.cells import exclusion_reasons, newest
from app.differential.classes import keyed
from app.inference.loaded_bundles import published
from app.records import Case, SmearImage
from app.reviews import reviews
from app.reviews.reviews import ReviewedMeanwhileError
from app.rules import RefusedError
from app.teaching import picks
from app.teaching.blueprint import bp
from app.teaching.picks import Pick, Picked
from smear.inference.card import Label

MARGIN = 0.6  # around a cell's box, of its longer side: what stands beside it says how large it is


def next_left(picked: Picked | None) -> tuple[Pick, SmearImage] | None:
    """Return the first pick that the person may label: of an open case that they are not reading blind."""
    blind = blind_cases()
    for pick in picked.left if picked else []:
        image = db.session.get(SmearImage, pick.image_id)
        if image is not None and image.case_id not in blind:
            return pick, image
    return None


@bp.get("/next")
@clinician
def label_next() -> Any:
    """Show the next field or cell, or go back where nothing is left."""
    picked = picks.picked(current_user.lab_id)
    next_pick = next_left(picked)
    if picked is None or next_pick is None:
        flash(_("Nothing is left to label."), "info")
        return redirect(url_for("teaching.show" if current_user.is_admin else "worklist.show"))
    pick, image = next_pick
    names = labels_of(picked.bundle)
    width, height = image.width, image.height
    view = [0, 0, width, height]
    if pick.number and image.detections:
        x0, y0, x1, y1 = image.detections.boxes[pick.number - 1]
        side = (1 + 2 * MARGIN) * max(x1 - x0, y1 - y0)
        view = [(x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side, side]
    version = newest(db.session, [image.id]).get((image.id, pick.number)) if pick.number else image.review
    return render_template(
        "teaching/label.html",
        pick=pick,
        image=image,
        view=" ".join(f"{value:.1f}" for value in view),
        labels=names,
        reasons=exclusion_reasons(current_user.lab_id) if pick.number else {},
        seen=version.version if version else 0,
        done=len(picked.labelled),
        total=len(picked.picks),
    )


@bp.post("/next")
@clinician
def give_label() -> Any:
    """Take down what the person sees, as a review or as the name of a cell, and go on."""
    picked = picks.picked(current_user.lab_id)
    wanted = Pick(request.form.get("image", ""), request.form.get("number", -1, type=int))
    if picked is None or wanted not in picked.picks:
        abort(404)
    image = db.session.get(SmearImage, wanted.image_id) or abort(404)
    code, version = request.form.get("choice", ""), request.form.get("seen", 0, type=int)
    try:
        if wanted.number:
            choice = parse_choice(code, keyed(labels_of(picked.bundle)), exclusion_reasons(current_user.lab_id))
            cell = Seen(image.id, wanted.number, version)
            annotate(db.session.get_one(Case, image.case_id), [Act(choice, [cell])], current_user)
        else:
            reviews.review(image, reviews.parse(code, "", version, labels_of(picked.bundle)), current_user)
    except (ReviewedMeanwhileError, AnnotatedMeanwhileError):
        flash(_("Somebody else labelled it in between; theirs stands."), "info")
    except RefusedError as refused:
        flash(refused.text, "error")
    return redirect(url_for("teaching.label_next"))


def labels_of(bundle: str) -> tuple[Label, ...]:
    """Return the labels of a published model; () where it is gone."""
    cards = (card for name, card, _text in published(current_app.config["MODELS_DIR"]) if name == bundle)
    card = next(cards, None)
    return card.labels if card else ()

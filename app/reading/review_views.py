"""The requests of a review: one key or button for each choice, and a page for when somebody was quicker."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import clinician, image_or_404
from app.reading.blueprint import bp
from app.reading.views import read_page, strip
from app.records import SmearImage
from app.reviews import reviews
from app.reviews.reviews import Choice, ReviewedMeanwhileError
from app.rules import RefusedError
from app.terms import term_lists


@bp.post("/cases/<case_id>/images/<image_id>/reviews")
@clinician
def review(case_id: str, image_id: str) -> Any:
    """Take down what a person sees in an image, and go on to the next that nobody has reviewed."""
    image = image_or_404(image_id, case_id)
    comment = term_lists.typed(request.form, "comment")
    code = request.form.get("choice", "")
    try:
        labels = reviews.labels_for(image.reading, current_user.lab_id)
        choice = reviews.parse(code, comment, request.form.get("seen", 0, type=int), labels)
        reviews.review(image, choice, current_user)
    except RefusedError as refused:
        return read_page(image_or_404(image_id, case_id), comment=comment, problem=refused.text), 400
    except ReviewedMeanwhileError:
        return meanwhile(case_id, image_id, choice)
    return redirect(onward(image_or_404(image_id, case_id)))


def meanwhile(case_id: str, image_id: str, choice: Choice) -> Any:
    """Tell the second of two people what the first chose; what was typed stands ready to be sent again."""
    image = image_or_404(image_id, case_id)
    return render_template(
        "reading/meanwhile.html",
        case=image.case,
        image=image,
        choice=choice,
        chosen=choice.label_name or None,
        newer=[row for row in image.reviews if row.version > choice.version],
    ), 409


def onward(image: SmearImage) -> str:
    """Return where to go after a review: the next image that nobody has reviewed, or the case."""
    here = url_for("reading.read", case_id=image.case_id, image_id=image.id)
    if not current_user.opens_next:
        return here
    images = strip(image.case_id)
    place = [sibling.id for sibling in images].index(image.id)
    following = next((sibling for sibling in images[place + 1 :] + images[:place] if sibling.review is None), None)
    if following is not None:
        return url_for("reading.read", case_id=image.case_id, image_id=following.id)
    flash(_("Every image of this case is reviewed."), "info")
    return url_for("cases.show", case_id=image.case_id)

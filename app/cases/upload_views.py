"""Files that are sent: one picture or, of a ZIP archive, a TIFF or a DICOM, as many as it holds, each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import flash, jsonify, redirect, request, url_for
from flask_babel import gettext as _
from flask_security import current_user
from werkzeug.datastructures import FileStorage

from app.access import case_or_404, member
from app.cases import gallery, intake, privacy
from app.cases.blueprint import bp
from app.cases.intake import Incoming, clean_name
from app.inference.engine import engine
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.waiting import EngineBusyError
from app.records import Case, SmearImage
from app.rules import RefusedError, refuse_signed
from app.template_filters import wants_json
from smear.imaging import containers
from smear.imaging.containers import Contents, Enclosed
from smear.imaging.decode import ImageError
from smear.imaging.file_signatures import ARCHIVE_SUFFIX, SUFFIXES
from smear.sentence import SentenceError

ACCEPTED = ",".join([*sorted(SUFFIXES), ARCHIVE_SUFFIX, "image/*"])  # what the file dialogue offers
MAX_POSITION = 1_000_000
KEEP_NAMES = "keep_names"  # of a form: file names that look like a person's are meant so


@dataclass(frozen=True)
class Outcome:
    """What became of one picture: the image, or the error that says why there is none."""

    name: str
    image: SmearImage | None = None
    error: SentenceError | None = None


@bp.post("/cases/<case_id>/images")
@member
def upload(case_id: str) -> Any:
    """Take in one file for the page's script, or many from a plain form."""
    case = case_or_404(case_id)
    files = request.files.getlist("image")
    if not wants_json():
        if not any(file.filename for file in files):
            flash(_("Choose at least one file."), "error")
        take_in_all(case, files)
        return redirect(url_for("cases.show", case_id=case_id))
    if len(files) != 1:
        return jsonify(error=_("Send exactly one file in a request.")), 400
    how = _("press “Keep the name”.")
    if sentence := name_warning([files[0].filename], how):
        return jsonify(error=sentence, confirm=KEEP_NAMES), 400
    try:
        with engine().slots.admitted():
            contents = opened(files[0])
            if sentence := name_warning(contents.names, how):
                return jsonify(error=sentence, confirm=KEEP_NAMES), 400
            outcomes = take_in_each(case, contents, asked_position())
            if contents.several:
                return answer_for_several(outcomes)
            only = next(outcomes)
            if only.image is not None:
                return jsonify(gallery.image_json(only.image)), 201
            problem = only.error
    except (ImageError, RefusedError) as error:
        problem = error
    return jsonify(error=problem.text if problem else ""), 409 if isinstance(problem, RefusedError) else 422


def opened(file: FileStorage) -> Contents:
    """Return the pictures of a file; ImageError where it holds none, EngineBusyError where too many are opened now."""
    data = file.read()
    with engine().slots.upload(data, pixels=0):
        return containers.open_file(data, file.filename or "")


def answer_for_several(outcomes: Iterator[Outcome]) -> Any:
    """Answer with a row for each picture: the image as for a file of one, or its name and what was wrong with it."""
    rows: list[dict[str, Any]] = []
    for outcome in outcomes:
        if outcome.image is not None:
            rows.append(gallery.image_json(outcome.image))
        elif outcome.error is not None:
            rows.append({"name": outcome.name, "error": outcome.error.text})
    if any("id" in row for row in rows):
        return jsonify(images=rows), 201
    return jsonify(images=rows, error=_("No picture of this file could be read.")), 422


def name_warning(names: Iterable[str | None], how: str) -> str | None:
    """Return a sentence where a file's name, or that of a member of an archive, looks like a person's or holds a birth
    date; None once it is confirmed."""
    if request.form.get(KEEP_NAMES):
        return None
    warnings = ((clean_name(name), privacy.file_warning(clean_name(name), how)) for name in names)
    return next((f"{name}: {sentence}" for name, sentence in warnings if sentence), None)


def take_in_all(case: Case, files: list[FileStorage]) -> None:
    """Take in what a form without script sent; a file or picture that fails does not stop the others."""
    for file in files:
        if not file.filename:
            continue  # what a browser sends for an empty file field
        how = _("tick “Keep file names as they are” and add it again.")
        try:
            sentence = name_warning([file.filename], how)
            if sentence is None:
                with engine().slots.admitted():
                    contents = opened(file)
                    sentence = name_warning(contents.names, how)
                    for outcome in () if sentence else take_in_each(case, contents):
                        if outcome.error is not None:
                            flash(f"{outcome.name}: {outcome.error.text}", "error")
            if sentence:
                flash(sentence, "error")
        except (ImageError, RefusedError, BundleUnusableError, EngineBusyError) as error:
            flash(f"{clean_name(file.filename)}: {error.text}", "error")


def take_in_each(case: Case, contents: Contents, position: int | None = None) -> Iterator[Outcome]:
    """Take in the pictures of a file in order; one that fails does not stop the others.

    RefusedError where the case is signed; EngineBusyError and BundleUnusableError where nothing of the file is stored
    yet, so that it can be sent again as it is.
    """
    case_id, stored = case.id, 0
    if case.state == "signed":  # a picture of it that the disk lost is no change: it comes back as it was
        for enclosed in contents.pictures:
            intake.repair(case_id, enclosed)
    refuse_signed(case)
    for enclosed in contents.pictures:
        name = shown_name(enclosed)
        try:
            incoming = Incoming(enclosed, name, position=position)
            image = intake.take_in(case, incoming, current_user)
        except (ImageError, RefusedError) as error:
            yield Outcome(name, error=error)
        except (EngineBusyError, BundleUnusableError) as error:
            if not stored:
                raise
            again = _("Send the file once more later: what was stored of it is kept once.")
            yield Outcome(name, error=SentenceError(f"{error.text} {again}"))
        else:
            stored += 1
            yield Outcome(name, image)


def shown_name(enclosed: Enclosed) -> str:
    """Return how a picture is called: its file's name, and its page where there are several."""
    name = clean_name(enclosed.name)
    if enclosed.page is None:
        return name
    page = _(", page %(number)s", number=enclosed.page + 1)
    return name[: intake.NAME_LENGTH - len(page)] + page


def asked_position() -> int | None:
    """Return the place in the case that the page's script gave a file: many are sent at once, in no order."""
    position = request.form.get("position", type=int)
    return position if position is not None and 0 < position <= MAX_POSITION else None

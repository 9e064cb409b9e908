"""The pages of teaching: choose a model, label what it learns most from, adapt it, and see whether it helped."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from flask import abort, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_security import current_user
from sqlalchemy import select

from app.access import admin
from app.database import db
from app.inference import lab_jobs
from app.inference.loaded_bundles import published
from app.records import Job
from app.registry.activation import active_bundle
from app.reviewed.choice import card_of
from app.reviewed.labels import labels
from app.rules import RefusedError
from app.teaching import adaptation, picks
from app.teaching.blueprint import bp
from smear.inference.card import Card

ENOUGH = {"cell": 100, "field": 60}  # labels from which on it can be told whether it helped
PATIENTS = 3  # of each label, the least


def teachable() -> list[Card]:
    """Return the cards of the models that can be taught: a classifier behind the network cannot."""
    return [card for _name, card, _text in published(current_app.config["MODELS_DIR"]) if card and not card.head.file]


@bp.get("/")
@admin
def show() -> str:
    """Show how far a model is: what is labelled, what to label next, and what came of the last adaptation."""
    return teaching_page()


def teaching_page(problem: str = "") -> str:
    """Draw the page, with why something was refused."""
    cards = {card.name: card for card in teachable()}
    picked = picks.picked(current_user.lab_id)
    model_name = request.values.get("model", "") or (picked.bundle if picked else active_bundle(current_user.lab_id))
    chosen = cards.get(model_name) or next(iter(cards.values()), None)
    return render_template(
        "teaching/show.html",
        models=list(cards),
        chosen=chosen,
        counts=counted(chosen) if chosen else [],
        enough=ENOUGH,
        least=PATIENTS,
        picked=picked if picked and chosen and picked.bundle == chosen.name else None,
        sizes=picks.COUNTS,
        picking=lab_jobs.newest_progress(current_user.lab_id, picks.KIND),
        adapting=lab_jobs.newest_progress(current_user.lab_id, adaptation.KIND),
        possible=adaptation.possible(),
        outcome=lab_jobs.newest_done(current_user.lab_id, adaptation.KIND),
        problem=problem,
    )


def counted(card: Card) -> list[tuple[str, int, int]]:
    """Return each label of a model with how many people gave it, and of how many patients or cases."""
    labelled, _left = labels(current_user.lab_id, adaptation.labels_for(adaptation.Wanted(card.name)))
    merged = {old: new for new, olds in card.recipe.get("merge", {}).items() for old in olds}
    counts = Counter(merged.get(item.label, item.label) for item in labelled)
    groups = Counter(label for label, _group in {(merged.get(item.label, item.label), item.group) for item in labelled})
    return [(label.name, counts[label.id], groups[label.id]) for label in card.labels]


@bp.post("/pick")
@admin
def pick() -> Any:
    """Let a job pick the next fields or cells to label."""
    count = request.form.get("count", 0, type=int)
    try:
        name = teachable_name()
        if count not in picks.COUNTS:
            raise RefusedError(_("Choose how many to label."))
        wanted = picks.Wanted(name, count)
        lab_jobs.submit(picks.KIND, current_user, msgspec.json.encode(wanted).decode())
    except RefusedError as refused:
        return teaching_page(refused.text), 400
    return redirect(url_for("teaching.show", model=name))


@bp.post("/adapt")
@admin
def adapt() -> Any:
    """Let a job adapt a model to the lab's labels."""
    try:
        name = teachable_name()
        if not adaptation.possible():
            raise RefusedError(
                _("The training requirements are not installed on this machine. Use the three commands.")
            )
        wanted = adaptation.Wanted(name, request.form.get("signed_only") == "yes")
        lab_jobs.submit(adaptation.KIND, current_user, msgspec.json.encode(wanted).decode())
    except RefusedError as refused:
        return teaching_page(refused.text), 400
    flash(_("It takes some ten minutes, and reading goes on meanwhile."), "info")
    return redirect(url_for("teaching.show", model=name))


def teachable_name() -> str:
    """Return the name of the model in a form; RefusedError where it cannot be taught."""
    name = request.form.get("model", "")
    if card_of(name).head.file:
        raise RefusedError(_("The answers of this model are a classifier's, which cannot be adapted. Choose another."))
    return name


@bp.get("/changes/<job_id>.json")
@admin
def change_record(job_id: str) -> Any:
    """Send the change record of an adaptation: what was to change, what it had to reach, and the result."""
    query = select(Job).where(Job.id == job_id, Job.lab_id == current_user.lab_id, Job.kind == adaptation.KIND)
    job = db.session.scalar(query) or abort(404)
    path = adaptation.folder_of(job.lab_id, job.id) / "run" / adaptation.CHANGE
    if not path.is_file():
        abort(404)
    return send_file(path, mimetype="application/json", as_attachment=True, download_name=f"change-{job.id[:8]}.json")

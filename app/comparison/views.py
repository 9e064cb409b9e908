"""The page that compares two models, and lets a candidate read along for a time."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import admin, blind_cases
from app.comparison import answers, paired, panels, reading
from app.comparison.answers import Model
from app.comparison.blueprint import bp
from app.comparison.paired import Pair
from app.database import db
from app.differential.sources import active_cell_bundle
from app.inference import lab_jobs
from app.inference.loaded_bundles import BundleUnusableError, published
from app.records import FrozenPanel
from app.registry.activation import active_bundle
from app.reviewed.labels import Labelled
from app.rules import RefusedError
from app.shadow import trial
from smear.inference import floors
from smear.inference.card import Card

LISTED = 50  # pictures on which they differ
GROWING = ""  # what names the signed cases among panels, which have ids


@bp.get("/")
@admin
def show() -> str:
    """Compare the two models that the address names: first the one that reads, then the candidate."""
    return comparison_page()


def comparison_page(problem: str = "") -> str:
    """Draw the page, with why something was refused."""
    lab = current_user.lab
    known = answers.models(lab.id, current_app.config["MODELS_DIR"])
    going_on = trial.running(db.session, lab.id)
    active = {active_bundle(lab.id), active_cell_bundle(lab)}
    first = chosen(
        known, request.values.get("first", ""), sorted(active, key=lambda name: name != active_bundle(lab.id))
    )
    comparable = [model for model in known if first and model.scope == first.scope and model != first]
    candidate = [going_on.bundle] if going_on else []
    second = chosen(comparable, request.values.get("second", ""), candidate)
    frozen = panels.of_lab(lab.id)
    sets = sets_of(lab.id, first.scope, frozen) if first else {}
    on = next((panel for panel in frozen if panel.id in sets and panel.id == request.values.get("on")), None)
    labelled = sets.get(on.id if on else GROWING, [])
    paired_on = pairs_of(sets, first, second) if first and second else {}
    pairs = paired_on.get(on.id if on else GROWING, [])
    cards = {card.name: card for _name, card, _text in published(current_app.config["MODELS_DIR"]) if card}
    return render_template(
        "comparison/show.html",
        models=known,
        others=comparable,
        first=first,
        second=second,
        labelled=len(labelled),
        compared=paired.compare(pairs),
        panels=frozen,
        on=on,
        beside={name: paired.compare(shared) for name, shared in paired_on.items()},
        least=paired.FEWEST,
        results=(paired.RIGHT, paired.WRONG, paired.NONE),
        names={item.label: item.name for item in labelled},
        differing=differing(pairs, labelled),
        listed=LISTED,
        unmet=unmet(cards.get(second.name), second) if second else [],
        readable=[model for model in (first, second) if model and readable(cards.get(model.name), model)],
        jobs=lab_jobs.newest_progress(lab.id, reading.KIND),
        trial=going_on,
        days=trial.DAYS,
        candidates=[card.name for card in cards.values() if card.name not in active],
        problem=problem,
    )


def chosen(known: list[Model], code: str, names: list[str]) -> Model | None:
    """Return the model that an address names, else the first of those names, else any; None where there is none."""
    requested = [model for model in known if model.code == code]
    named = [model for name in names for model in known if model.name == name]
    return next(iter(requested or named or known), None)


def readable(card: Card | None, model: Model) -> bool:
    """Return whether a version is the one that is published, so that it can read what it has not."""
    return card is not None and card.version == model.version


def unmet(card: Card | None, model: Model) -> list[str]:
    """Return what speaks against promoting a candidate, of its own card; nothing of one that is not published here."""
    return list(floors.unmet(card)) if card is not None and readable(card, model) else []


def sets_of(lab_id: int, scope: str, frozen: list[FrozenPanel]) -> dict[str, list[Labelled]]:
    """Return what models of a scope are measured on: GROWING for all that is signed, and each open panel by its id."""
    own = {panel.id: panels.labelled(panel) for panel in frozen if panel.scope == scope and not panel.closing}
    return {GROWING: answers.labelled(lab_id, scope), **own}


def pairs_of(sets: dict[str, list[Labelled]], first: Model, second: Model) -> dict[str, list[Pair]]:
    """Return of each set what both models have read."""
    images = {item.image.id for items in sets.values() for item in items}
    answered = answers.answers((first, second), images)
    suggestions = answered[first], answered[second]
    return {
        name: [
            Pair(key, item.group, item.label, suggestions[0][key], suggestions[1][key])
            for item in items
            if (key := (item.image.id, item.number)) in suggestions[0] and key in suggestions[1]
        ]
        for name, items in sets.items()
    }


def differing(pairs: list[Pair], labelled: list[Labelled]) -> list[tuple[Pair, Labelled]]:
    """Return the pictures on which one model is right and the other is not, but of cases that the person reads blind.

    A case of a panel may be open again.
    """
    hidden = blind_cases()
    of = {(item.image.id, item.number): item for item in labelled}
    return [
        (pair, of[pair.key])
        for pair in pairs
        if (pair.results[0] == paired.RIGHT) != (pair.results[1] == paired.RIGHT)
        and of[pair.key].image.case_id not in hidden
    ]


@bp.post("/read")
@admin
def read() -> Any:
    """Let a model read in the shadow what is labelled in signed cases."""
    name = request.form.get("model", "")
    try:
        if not any(card and card.name == name for _name, card, _text in published(current_app.config["MODELS_DIR"])):
            raise RefusedError(_("There is no model of that name here. Choose one from the list."))
        lab_jobs.submit(reading.KIND, current_user, name)
    except RefusedError as refused:
        return comparison_page(refused.text), 400
    return back()


@bp.post("/trial")
@admin
def begin_trial() -> Any:
    """Let a candidate read every image that comes in the next days, seen by nobody."""
    try:
        row = trial.begin(
            request.form.get("candidate", ""),
            request.form.get("days", 0, type=int),
            (active_bundle(current_user.lab_id), active_cell_bundle(current_user.lab)),
            current_user,
        )
    except (RefusedError, BundleUnusableError) as refused:
        return comparison_page(refused.text), 400
    flash(_("%(name)s reads along until %(day)s.", name=row.bundle, day=f"{row.ends_at:%Y-%m-%d}"), "info")
    return back()


@bp.post("/trial/end")
@admin
def end_trial() -> Any:
    """End the trial; what the candidate said until now can be compared."""
    try:
        trial.end(current_user)
        flash(_("It reads along no more. What it said can be compared."), "info")
    except RefusedError as refused:
        flash(refused.text, "error")
    return back()


def back() -> Any:
    """Go back to the comparison that was on the page."""
    first, second, on = (request.form.get(name) or None for name in ("first", "second", "on"))
    return redirect(url_for("comparison.show", first=first, second=second, on=on))

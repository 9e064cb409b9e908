"""Models: the published bundles with their cards, and the choice of the one that reads."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app import ledger
from app.access import admin, member
from app.auth.passwords import password_is_right
from app.database import writing
from app.differential.sources import active_cell_bundle
from app.inference.engine import engine
from app.inference.loaded_bundles import BundleUnusableError, published
from app.inference.waiting import EngineBusyError
from app.registry import activation, held_cards
from app.registry.blueprint import bp
from app.registry.figures import figures
from app.rules import RefusedError, WaitError
from smear.artifacts import BundleError
from smear.inference import bundle as bundles
from smear.inference import floors
from smear.inference.card import Card
from smear.segmentation import mask_network
from smear.segmentation.mask_network import MaskCard


def card_or_404(name: str) -> Card:
    """Return the card of a published bundle that can be read."""
    folder = current_app.config["MODELS_DIR"]
    if name not in bundles.names(folder):
        abort(404)
    try:
        return bundles.read_card(folder / name)
    except BundleError:
        abort(404)


def segmenter() -> MaskCard | None:
    """Return the card of what finds the leukocytes for all models, or None where it cannot be read."""
    try:
        return mask_network.read_card()
    except BundleError:
        return None


@bp.get("/")
@member
def index() -> str:
    """Show every published bundle, the active one first."""
    return index_page()


def index_page(refused: str = "", problem: str = "") -> str:
    """Draw the page; refused: the bundle that was not activated, whose form stays open and says why."""
    running = engine()
    active, types = activation.active_bundle(current_user.lab_id), active_cell_bundle(current_user.lab)
    entries = [
        {
            "name": name,
            "card": card,
            "figures": figures(card) if card else None,
            "unmet": floors.unmet(card) if card else (),
            "loaded": running.loaded(name),
            "text": running.loaded(name).text or text,
            "active": name in (active, types),
            "changed": card is not None and held_cards.is_changed(card, running.folder / name),
        }
        for name, card, text in published(running.folder)
    ]
    entries.sort(key=lambda entry: not entry["active"])
    return render_template(
        "registry/index.html",
        entries=entries,
        active=active,
        types=types,
        device=running.device(),
        segmenter=segmenter(),
        history=activation.history(current_user.lab_id),
        refused=refused,
        problem=problem,
    )


@bp.get("/<name>")
@member
def show(name: str) -> str:
    """Show the whole card of a bundle."""
    card = card_or_404(name)
    reports = sorted(file for file in card.files if file.startswith("report/") and file.endswith(".png"))
    return render_template(
        "registry/show.html",
        card=card,
        figures=figures(card),
        unmet=floors.unmet(card),
        loaded=engine().loaded(name),
        reports=[file.removeprefix("report/") for file in reports],
        active=name in (activation.active_bundle(current_user.lab_id), active_cell_bundle(current_user.lab)),
    )


@bp.get("/<name>/report/<file>")
@member
def report(name: str, file: str) -> Any:
    """Send a picture of a bundle's report; only what the card lists is sent."""
    if not file.endswith(".png") or f"report/{file}" not in card_or_404(name).files:
        abort(404)
    return send_file(current_app.config["MODELS_DIR"] / name / "report" / file, mimetype="image/png")


@bp.post("/<name>/activate")
@admin
def activate(name: str) -> Any:
    """Let a bundle read from now on, for a reason and with the admin's password."""
    folder, lab_id, user_id = current_app.config["MODELS_DIR"], current_user.lab_id, current_user.id
    if name not in bundles.names(folder):
        abort(404)
    try:
        reason, despite = activation.checked(*(request.form.get(field, "") for field in ("reason", "despite")))
        if not password_is_right(request.form.get("password", "")):
            return index_page(name, _("The password is not right. Nothing was changed.")), 403
        choice = activation.activate(engine().load(name), reason, current_user, despite)
        placeholders = {"name": choice.bundle, "version": choice.version}
        if choice.scope == activation.CELLS:
            flash(_("%(name)s %(version)s types cells at upload from now on.", **placeholders), "info")
        else:
            flash(_("%(name)s %(version)s reads from now on.", **placeholders), "info")
    except RefusedError as refused:
        return index_page(name, refused.text), 400
    except WaitError as early:
        return index_page(name, early.text), 429, {"Retry-After": str(early.seconds)}
    except EngineBusyError as busy:
        return index_page(name, busy.text), 503, {"Retry-After": str(busy.retry_after)}
    except BundleUnusableError as unusable:
        with writing() as session:
            ledger.record(session, "model.refused", lab=lab_id, actor=user_id, subject=name)
        why = _("%(why)s Nothing was changed; the model before keeps reading.", why=unusable.text)
        return index_page(name, why), 409
    return redirect(url_for("registry.index"))

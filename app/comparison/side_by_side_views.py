"""The page on which models of one kind stand side by side."""

from __future__ import annotations

from flask import current_app, render_template, request
from flask_security import current_user

from app.access import member
from app.comparison.blueprint import bp
from app.comparison.side_by_side import measures
from app.differential.sources import active_cell_bundle
from app.inference.loaded_bundles import published
from app.registry.activation import active_bundle
from smear.inference import floors

SCOPES = ("field", "cell")


@bp.get("/side-by-side")
@member
def side_by_side() -> str:
    """Show the models that the address names, or all of the kind that it names: fields where it names none."""
    scope = request.args.get("scope", "")
    scope = scope if scope in SCOPES else SCOPES[0]
    lab = current_user.lab
    active = {active_bundle(lab.id), active_cell_bundle(lab)}
    cards = [card for _name, card, _text in published(current_app.config["MODELS_DIR"]) if card and card.scope == scope]
    cards.sort(key=lambda card: (card.name not in active, card.name))
    names = set(request.args.getlist("model"))
    shown = [card for card in cards if card.name in names] or cards
    return render_template(
        "comparison/side_by_side.html",
        scope=scope,
        cards=cards,
        shown=shown,
        active=active,
        unmet={card.name: floors.unmet(card) for card in shown},
        measures=measures(shown, lab.id),
    )

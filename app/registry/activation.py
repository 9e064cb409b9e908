"""Which bundle reads for a lab, and how an admin changes that."""

from __future__ import annotations

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import ledger
from app.database import db, writing
from app.differential.sources import active_cell_bundle
from app.inference.loaded_bundles import BundleUnusableError
from app.records import BundleActivation, Lab, User
from app.registry import held_cards
from app.rules import RefusedError
from smear.inference import floors
from smear.inference.bundle import Bundle, names

FIELDS, CELLS = "", "cell"  # scopes of an activation
REASON_LENGTH = 500


def history(lab_id: int, limit: int = 20) -> list[BundleActivation]:
    """Return the newest choices of a lab, of models for fields and for cells."""
    query = select(BundleActivation).where(BundleActivation.lab_id == lab_id)
    return list(db.session.scalars(query.order_by(BundleActivation.id.desc()).limit(limit)))


def active_bundle(lab_id: int) -> str:
    """Return the name of the bundle that reads for a lab."""
    query = (
        select(BundleActivation.bundle)
        .where(BundleActivation.lab_id == lab_id, BundleActivation.scope == FIELDS)
        .order_by(BundleActivation.id.desc())
        .limit(1)
    )
    return db.session.scalar(query) or str(current_app.config["DEFAULT_BUNDLE"])


def wanted_bundles() -> list[str]:
    """Return the bundles that some lab reads with; the server is ready when these are."""
    of_fields = BundleActivation.scope == FIELDS
    newest = select(func.max(BundleActivation.id)).where(of_fields).group_by(BundleActivation.lab_id)
    rows = db.session.execute(
        select(BundleActivation.lab_id, BundleActivation.bundle).where(BundleActivation.id.in_(newest))
    )
    chosen = {row.lab_id: row.bundle for row in rows}
    default = str(current_app.config["DEFAULT_BUNDLE"])
    labs = db.session.scalars(select(Lab.id).order_by(Lab.id)).all()
    return list(dict.fromkeys(chosen.get(lab, default) for lab in labs)) or [default]


def first_bundles() -> list[str]:
    """Return the bundles that are loaded before anybody asks: those that labs read fields and type cells with."""
    cells = {active_cell_bundle(lab) for lab in db.session.scalars(select(Lab).order_by(Lab.id))}
    return [*wanted_bundles(), *sorted(cells.intersection(names(current_app.config["MODELS_DIR"])))]


def checked(reason: str, despite: str) -> tuple[str, str]:
    """Return why the model changes, and why it may read where it is not good enough; RefusedError without the first, or
    where they are too long."""
    reason, despite = reason.strip(), despite.strip()
    if not reason or max(len(reason), len(despite)) > REASON_LENGTH:
        raise RefusedError(_("Write why the model changes, in up to %(n)s characters.", n=REASON_LENGTH))
    return reason, despite


def activate(bundle: Bundle, reason: str, user: User, despite: str = "") -> BundleActivation:
    """Let a bundle read for the lab from now on; one that cannot raises BundleUnusableError and changes nothing.

    One of scope `field` reads every new image, one of scope `cell` types its leukocytes. bundle: loaded just now; its
    card is the one that is held to from now on. despite: why it may read where it does not reach the floors; without it
    such a bundle may not.
    """
    card = bundle.card
    unmet = floors.unmet(card)
    if unmet and not despite:
        raise BundleUnusableError(
            _(
                "%(name)s %(version)s was not found good enough to read by itself: %(why)s Write why it shall read all"
                " the same.",
                name=card.name,
                version=card.version,
                why=" ".join(unmet),
            )
        )
    lab_id, user_id = user.lab_id, user.id
    with writing() as session:
        choice = BundleActivation(
            lab_id=lab_id,
            bundle=card.name,
            version=card.version,
            reason=reason,
            despite=despite if unmet else "",
            card_sha256=bundle.card_sha256,
            scope=CELLS if card.scope == "cell" else FIELDS,
            activated_by_id=user_id,
        )
        if choice.scope == CELLS:
            session.get_one(Lab, lab_id).cell_bundle = card.name
        session.add(choice)
        session.flush()
        held_cards.keep(session, bundle)
        ledger.record(
            session,
            "model.activated",
            lab=lab_id,
            actor=user_id,
            subject=card.name,
            rows=[choice],
            version=card.version,
            card=bundle.card_sha256,
            floors_unmet=len(unmet) or None,
        )
    return choice

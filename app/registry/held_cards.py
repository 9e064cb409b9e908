"""The card of a bundle, held to: whoever exchanges a word of it, as the labels' order, does not read on unnoticed.

A bundle's card names the hash of every other file; nothing names the card's. So its hash is kept, in the database and
in the ledger, when the bundle first reads, and again when an admin activates it: the one way to let a changed card of
the same version read.
"""

from __future__ import annotations

from pathlib import Path

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import ledger
from app.database import add_missing, db, own_transaction
from app.inference.loaded_bundles import OtherCardError, is_published
from app.records import HeldCard, now
from smear.inference.bundle import Bundle
from smear.inference.card import Card


def hold(bundle: Bundle) -> None:
    """Let a bundle read with the card that it read with before; OtherCardError where it is another.

    The first time, the card is kept, in a transaction of its own.
    """
    name, version = bundle.card.name, bundle.card.version
    query = select(HeldCard.card_sha256).where(HeldCard.bundle == name, HeldCard.version == version)
    with db.engine.connect() as connection:
        card_sha256 = connection.scalar(query)
    if card_sha256 is None:
        with own_transaction(db.engine) as connection, Session(connection) as session:
            if connection.scalar(query) is None:
                keep(session, bundle)
                card = bundle.card_sha256
                ledger.record(session, "model.held", lab=None, actor=None, subject=name, version=version, card=card)
                session.flush()
        card_sha256 = bundle.card_sha256
    if card_sha256 != bundle.card_sha256:
        raise OtherCardError(
            _(
                "The card of %(name)s %(version)s is not the one that it read with before. An admin of the lab can look"
                " at it on the Models page, and activate it anew if it is right.",
                name=name,
                version=version,
            ),
            held=card_sha256,
        )


def is_changed(card: Card, folder: Path) -> bool:
    """Return whether a published card is not the one with which its version read before, so that it does not read."""
    held = db.session.get(HeldCard, (card.name, card.version))
    return held is not None and not is_published(folder, held.card_sha256)


def keep(session: Session, bundle: Bundle) -> None:
    """Keep a bundle's card as the one to be held to, in the transaction of whoever decides it."""
    name, version = bundle.card.name, bundle.card.version
    moment = now()
    row = {"bundle": name, "version": version, "card_sha256": bundle.card_sha256, "held_at": moment}
    add_missing(session, HeldCard, [row])
    held = session.get_one(HeldCard, (name, version), populate_existing=True)
    held.card_sha256, held.held_at = bundle.card_sha256, moment

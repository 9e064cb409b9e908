"""A lab's frozen panels: drawn from what people labelled in signed cases, never changed, closed when they are old.

The growing set of signed cases is another one each month, so that a model of last year and one of today have no number
in common. A panel stays. A model that learnt from its pictures would only remember them: so whole patients are drawn,
and while a panel is open none of them teaches a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from flask_babel import gettext as _
from sqlalchemy import select

from app import ledger
from app.comparison.answers import labelled as labelled_now
from app.comparison.paired import FEWEST
from app.database import db, writing
from app.records import FrozenPanel, PanelClosing, Redrawing, SmearImage, User
from app.reviewed.labels import Labelled
from app.rules import RefusedError

SHARES = {"third": 1 / 3, "all": 1.0}  # of the labelled pictures, by whole patients
NAME, REASON = 120, 500  # characters


def of_lab(lab_id: int) -> list[FrozenPanel]:
    """Return all panels of a lab, the newest first."""
    query = select(FrozenPanel).where(FrozenPanel.lab_id == lab_id)
    return list(db.session.scalars(query.order_by(FrozenPanel.frozen_at.desc(), FrozenPanel.id)))


def freeze(name: str, scope: str, share: str, user: User) -> FrozenPanel:
    """Freeze labelled fields or cells of signed cases under a name; RefusedError where nothing could be said on them.

    share: one of SHARES.
    """
    lab_id, user_id, name = user.lab_id, user.id, " ".join(name.split())
    if not name or len(name) > NAME:
        raise RefusedError(_("Give the panel a name of at most %(n)s characters.", n=NAME))
    if scope not in ("field", "cell") or share not in SHARES:
        raise RefusedError(_("Choose what the panel is of, and how much of it is frozen."))
    with writing() as session:
        if any(panel.name.casefold() == name.casefold() for panel in of_lab(lab_id)):
            raise RefusedError(_("There is a panel of this name already. Give it another, such as one with the year."))
        chosen = drawn(labelled_now(lab_id, scope), SHARES[share], name)
        if len(chosen) < FEWEST:
            raise RefusedError(
                _(
                    "That would be %(n)s labelled pictures of signed cases. A panel needs %(least)s, or nothing could"
                    " be said on it.",
                    n=len(chosen),
                    least=FEWEST,
                )
            )
        panel = FrozenPanel(
            lab_id=lab_id, name=name, scope=scope, items=[plain(item) for item in chosen], frozen_by_id=user_id
        )
        session.add(panel)
        session.flush()
        ledger.record(
            session,
            "panel.frozen",
            lab=lab_id,
            actor=user_id,
            subject=panel.id,
            rows=[panel],
            panel=panel.id,
            pictures=len(chosen),
        )
    return panel


def close(panel: FrozenPanel, reason: str, user: User) -> None:
    """Close a panel, with a reason: it is measured on no more, and its pictures may teach models again."""
    lab_id, user_id, panel_id, reason = user.lab_id, user.id, panel.id, reason.strip()
    if not reason or len(reason) > REASON:
        raise RefusedError(_("Say why the panel is closed, in at most %(n)s characters.", n=REASON))
    with writing() as session:
        if session.scalar(select(PanelClosing.id).where(PanelClosing.panel_id == panel_id)):
            raise RefusedError(_("This panel is closed already."))
        closing = PanelClosing(panel_id=panel_id, reason=reason, closed_by_id=user_id)
        session.add(closing)
        session.flush()
        ledger.record(
            session,
            "panel.closed",
            lab=lab_id,
            actor=user_id,
            subject=panel_id,
            rows=[closing],
            closing=closing.id,
        )


def drawn(items: list[Labelled], share: float, seed: str) -> list[Labelled]:
    """Return a share of what is labelled, 0..1, by whole patients in an order that only `seed` decides."""
    order = sorted(
        {item.group for item in items}, key=lambda group: hashlib.sha256(f"{seed}\0{group}".encode()).digest()
    )
    chosen: list[Labelled] = []
    for group in order:
        if len(chosen) >= share * len(items):
            break
        chosen += [item for item in items if item.group == group]
    return chosen


def plain(item: Labelled) -> dict[str, str | int]:
    """Return a labelled field or cell as a panel keeps it."""
    return {
        "image": item.image.id,
        "number": item.number,
        "label": item.label,
        "name": item.name,
        "group": item.group,
    }


def labelled(panel: FrozenPanel) -> list[Labelled]:
    """Return what is in a panel, with its labels of then; cells that people outlined anew since are left out."""
    images = images_of([panel])
    gone = {
        (row.image_id, number)
        for row in db.session.scalars(select(Redrawing).where(Redrawing.image_id.in_(images)))
        for number in row.replaced
    }
    return [
        Labelled(images[item["image"]], item["number"], item["label"], item["name"], 0, item["group"])
        for item in panel.items
        if (item["image"], item["number"]) not in gone
    ]


def images_of(panels: Iterable[FrozenPanel]) -> dict[str, SmearImage]:
    """Return the images of panels by their ids."""
    ids = {item["image"] for panel in panels for item in panel.items}
    return {image.id: image for image in db.session.scalars(select(SmearImage).where(SmearImage.id.in_(ids)))}

"""Patients whose pictures teach no model, because a frozen panel measures models on them."""

from __future__ import annotations

from sqlalchemy import select

from app.database import db
from app.lab import patients
from app.records import Case, FrozenPanel, PanelClosing, SmearImage


def open_panels(lab_id: int) -> list[FrozenPanel]:
    """Return the lab's panels that nobody closed, the newest first."""
    closed = select(PanelClosing.panel_id)
    query = select(FrozenPanel).where(FrozenPanel.lab_id == lab_id, FrozenPanel.id.not_in(closed))
    return list(db.session.scalars(query.order_by(FrozenPanel.frozen_at.desc(), FrozenPanel.id)))


def groups(lab_id: int) -> set[str]:
    """Return the patients of open panels, or cases where nobody said whose they are.

    They are those that a panel was frozen with, and those to whom its pictures belong since: whose a case is may be
    corrected, and the pictures teach no model all the same.
    """
    items = [item for panel in open_panels(lab_id) for item in panel.items]
    cases = select(Case).where(Case.images.any(SmearImage.id.in_({item["image"] for item in items})))
    return {str(item["group"]) for item in items} | {patients.group_of(case) for case in db.session.scalars(cases)}

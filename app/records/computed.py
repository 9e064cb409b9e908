"""What is computed beside a reading: how much each leukocyte counts, slower maps, and results to be taken again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.records.base import Record, now, random_id


class Explanation(Record):
    """Where one label's evidence lies by one method; never changed. grid: rows of values 0..1, [] for no evidence."""

    __tablename__ = "explanation"
    __table_args__ = (UniqueConstraint("reading_id", "label", "method", name="uq_explanation_method"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    reading_id: Mapped[str] = mapped_column(ForeignKey("reading.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(16))  # as `smear.rendering.explain` calls it
    grid: Mapped[list[Any]]
    made_at: Mapped[datetime] = mapped_column(default=now)


class LeukocyteEvidence(Record):
    """How much each leukocyte of a reading's field counts for the suggested label; never changed.

    changes: of the label's calibrated log-odds when it is painted out (`smear.inference.evidence`), in the order of the
    field's detections; outlines: a closed polygon each, x and y by turns, in pixels of the picture.
    """

    __tablename__ = "leukocyte_evidence"

    reading_id: Mapped[str] = mapped_column(ForeignKey("reading.id", ondelete="CASCADE"), primary_key=True)
    changes: Mapped[list[Any]]
    outlines: Mapped[list[Any]]
    made_at: Mapped[datetime] = mapped_column(default=now)


class CachedResult(Record):
    """One result in one lab, by what it was computed from (`app.inference.result_cache`); nothing points to it.

    key: SHA-256 of that; content: JSON; seal: HMAC-SHA-256 of both with the audit key.
    """

    __tablename__ = "cached_result"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    lab_id: Mapped[int] = mapped_column(ForeignKey("lab.id"))
    content: Mapped[str] = mapped_column(Text)
    seal: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime] = mapped_column(default=now, index=True)

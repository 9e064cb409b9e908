"""How often a wrong password was tried, counted where every server on the database sees it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.records.base import Record, now


class PasswordTries(Record):
    """The wrong passwords of one count (`app.auth.tries`); the key is a hash and names neither person nor address."""

    __tablename__ = "password_tries"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrong: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(default=now, index=True)
    wait_until: Mapped[datetime | None]
    told: Mapped[bool] = mapped_column(default=False)  # whether the ledger knows of this wait

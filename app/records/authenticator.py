"""The second step of a person's sign-in: what their authenticator app and this server both know."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.records.base import Record, now


class Authenticator(Record):
    """A person's authenticator app; it is asked for once the person confirmed it with a code."""

    __tablename__ = "authenticator"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    secret: Mapped[str] = mapped_column(Text)  # encrypted
    begun_at: Mapped[datetime] = mapped_column(default=now)
    confirmed_at: Mapped[datetime | None]
    last_counter: Mapped[int] = mapped_column(default=0)  # of the last code that was taken: none is taken twice
    wrong: Mapped[int] = mapped_column(default=0)  # codes in a row
    wait_until: Mapped[datetime | None]
    recovery: Mapped[list[Any]] = mapped_column(default=list)  # hashes of the recovery codes that are left

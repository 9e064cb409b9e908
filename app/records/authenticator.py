"""What signing in rests on beside the password: a person's authenticator app, and how often a password was wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
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


class PasswordTries(Record):
    """The wrong passwords of one count (`app.auth.tries`); the key is a hash and names neither person nor address."""

    __tablename__ = "password_tries"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrong: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(default=now, index=True)
    wait_until: Mapped[datetime | None]
    told: Mapped[bool] = mapped_column(default=False)  # whether the ledger knows of this wait

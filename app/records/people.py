"""The records of a lab: its settings and terms, its people and what they may do, and their signed-in browsers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_security.core import RoleMixin, UserMixin
from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, now, random_id

# What signing does where cells are not named by a person: it goes on, waits for the target, or for every cell.
UNNAMED_RULES = ("sign", "target", "all")

role_of_user = Table(
    "role_of_user",
    Record.metadata,
    Column("user_id", ForeignKey("user.id"), primary_key=True),
    Column("role_id", ForeignKey("role.id"), primary_key=True),
)


class Lab(Record):
    """A laboratory: the border around its people, cases and choice of model."""

    __tablename__ = "lab"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    accession_pattern: Mapped[str] = mapped_column(String(64), default="", server_default="")
    # What types every leukocyte at upload: the name of a bundle, "" for none, None for the server's default.
    cell_bundle: Mapped[str | None] = mapped_column(String(120))
    count_target: Mapped[int] = mapped_column(default=100, server_default="100")  # leukocytes of a differential count
    blast_percent: Mapped[float] = mapped_column(default=20.0, server_default="20")  # that a count has to be clear of
    unnamed_rule: Mapped[str] = mapped_column(String(10), default="sign", server_default="sign")  # UNNAMED_RULES
    # By rule, as `app.differential.review_rules` calls it: {"percent": 0..100, "critical": bool}.
    review_rules: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    micrometres_per_pixel: Mapped[float | None]  # of this lab's pictures
    microscope: Mapped[str] = mapped_column(String(80), default="", server_default="")  # and camera, in words
    # Whom it asks for two-factor sign-in: nobody (""), its admins, or everybody.
    second_factor: Mapped[str] = mapped_column(String(10), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(default=now)


class Role(Record, RoleMixin):
    """What a person may do: clinician or admin."""

    __tablename__ = "role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    description: Mapped[str] = mapped_column(String(200), default="")


class User(Record, UserMixin):
    """A person of one lab."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    lab_id: Mapped[int] = mapped_column(ForeignKey("lab.id"), index=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(120), default="")
    password: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    must_change_password: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    opens_next: Mapped[bool] = mapped_column(default=True, server_default=true())  # after a review

    lab: Mapped[Lab] = relationship(lazy="joined")
    # Flask-Security speaks of any role; ours are of one kind.
    roles: Mapped[list[Role]] = relationship(secondary=role_of_user, lazy="selectin")  # type: ignore[assignment]

    @property
    def is_admin(self) -> bool:
        """Say whether this person also looks after models and people."""
        return any(role.name == "admin" for role in self.roles)

    @property
    def is_clinician(self) -> bool:
        """Say whether this person reviews and signs."""
        return any(role.name == "clinician" for role in self.roles)

    @property
    def shown_name(self) -> str:
        """Return the name, or the sign-in address of who gave none."""
        return self.name or self.email

    @property
    def initials(self) -> str:
        """Return what stands for the name where there is little room."""
        words = (self.name or self.email.partition("@")[0]).replace(".", " ").split()
        return "".join(word[0] for word in words[:3]).upper() or "?"


class ServerSession(Record):
    """A signed-in browser; the cookie holds only the key, and the row only the key's hash."""

    __tablename__ = "server_session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    data: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class PasswordLink(Record):
    """A link by which a person chooses a password, once; the row holds only the hash of what is in the link."""

    __tablename__ = "password_link"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), unique=True)  # a newer link replaces the older
    expires_at: Mapped[datetime]

    user: Mapped[User] = relationship()


class TermList(Record):
    """One version of what a lab chooses from: its diagnoses, cell classes, sentences or reasons; never changed.

    kind: one of `app.terms.term_lists.KINDS`; terms: in the lab's order, each as `app.terms.term_lists.Term` has it,
    without what is empty.
    """

    __tablename__ = "term_list"
    __table_args__ = (UniqueConstraint("lab_id", "kind", "version", name="uq_term_list_version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    lab_id: Mapped[int] = mapped_column(ForeignKey("lab.id"))
    kind: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    terms: Mapped[list[Any]]
    saved_at: Mapped[datetime] = mapped_column(default=now)
    saved_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    saved_by: Mapped[User] = relationship(lazy="joined")


class SavedFilter(Record):
    """A way of looking at the worklist that a person keeps under a name."""

    __tablename__ = "saved_filter"
    __table_args__ = (UniqueConstraint("user_id", "name", name="uq_saved_filter_name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[dict[str, Any]]  # as in the address of the worklist

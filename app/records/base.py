"""What all records share: a time that is UTC, named constraints, and identifiers that reveal nothing."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, DateTime, MetaData, TypeDecorator
from sqlalchemy.orm import DeclarativeBase

from smear import schema
from smear.inference.card import Label
from smear.inference.suggestion import Suggestion, upgraded


class Moment(TypeDecorator[datetime]):
    """A time that is UTC in the database and says so in Python."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """Store without the zone that SQLite cannot keep."""
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        return value.replace(tzinfo=UTC) if value else None


class Labels(TypeDecorator[tuple[Label, ...]]):
    """A card's labels as they were then: JSON in the database, typed in Python."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: tuple[Label, ...] | None, dialect: Any) -> Any:  # noqa: ARG002
        """Write plain data."""
        return None if value is None else msgspec.to_builtins(value)

    def process_result_value(self, value: Any, dialect: Any) -> tuple[Label, ...] | None:  # noqa: ARG002
        """Read it back; MismatchError where it is none."""
        return None if value is None else schema.read(tuple[Label, ...], value, "labels")


class Suggestions(TypeDecorator[list[Suggestion]]):
    """What a bundle suggested for each of many cells: JSON in the database, typed in Python."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: list[Suggestion] | None, dialect: Any) -> Any:  # noqa: ARG002
        """Write plain data."""
        return None if value is None else msgspec.to_builtins(value)

    def process_result_value(self, value: Any, dialect: Any) -> list[Suggestion] | None:  # noqa: ARG002
        """Read it back, whatever version wrote it; MismatchError where it is none."""
        return None if value is None else schema.read(list[Suggestion], [upgraded(raw) for raw in value], "suggestions")


class Record(DeclarativeBase):
    """What all records share: named constraints, so that migrations can address them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """Return an identifier that reveals nothing: neither how many there are nor which came before."""
    return uuid.uuid4().hex

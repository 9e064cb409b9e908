"""Triggers that refuse to change or remove rows, for SQLite and PostgreSQL."""

from __future__ import annotations

from alembic import op

CHAIN_CHECK = """
    (SELECT count(*) FROM audit_event) > 0 AND (
        NEW.id <> (SELECT max(id) + 1 FROM audit_event)
        OR NEW.previous_hash <> (SELECT hash FROM audit_event ORDER BY id DESC LIMIT 1))
"""


def protect(table: str) -> None:
    """Let rows of a table be added and never changed or removed."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed or removed'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} rows are never changed or removed'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_refuse()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
    )


def protect_from_change(table: str) -> None:
    """Let rows of a table be added, and removed with what they belong to, but never changed."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END"
        )
        return
    op.execute(
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} rows are never changed'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuse()"
    )


def protect_chain() -> None:
    """Let an event be added at the end of the chain only: SQLite's REPLACE would slip past the other triggers."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER audit_event_in_order BEFORE INSERT ON audit_event WHEN {CHAIN_CHECK} "
            "BEGIN SELECT RAISE(ABORT, 'audit_event rows are added at the end'); END"
        )


def protect_keys(table: str, *keys: tuple[str, ...]) -> None:
    """Refuse a row under a key that there is: SQLite's REPLACE would remove the old one past the other triggers.

    keys: the columns of the primary key and of every unique constraint.
    """
    if op.get_bind().dialect.name != "sqlite":
        return
    taken = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {' AND '.join(f'{name} = NEW.{name}' for name in key)})"  # noqa: S608
        for key in keys
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {taken} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are never replaced'); END"
    )


def release(table: str) -> None:
    """Take the triggers away, before a downgrade removes the table."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("no_update", "no_delete", "in_order", "no_replace"):
            op.execute(f"DROP TRIGGER IF EXISTS {table}_{verb}")
        return
    op.execute(f"DROP TRIGGER {table}_no_change ON {table}")
    op.execute(f"DROP TRIGGER IF EXISTS {table}_no_truncate ON {table}")
    op.execute(f"DROP FUNCTION {table}_refuse()")

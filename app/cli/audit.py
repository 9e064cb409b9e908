"""`audit verify`: whether what was recorded is still what was recorded."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup

from app import ledger
from app.database import db

audit_commands = AppGroup("audit", help="The record of what was done.")


@audit_commands.command("verify")
@click.option("--seal", default=None, help="The seal of an event that has to be in the chain, as printed earlier.")
def verify(seal: str | None) -> None:
    """Check every event's seal. The exit status is 1 when an event was changed, removed or moved.

    Keep the seal that is printed where nobody with access to this server can change it, and give it with --seal the
    next time: then not even the newest events can be cut off unnoticed.
    """
    with db.engine.connect() as connection:
        problems = list(ledger.broken(connection))
        if seal is not None and not ledger.has_seal(connection, seal):
            problems.append((0, "The event with the seal that you gave is not in the chain any more."))
        number, newest = ledger.newest_seal(connection)
    for _, sentence in problems:
        click.echo(sentence, err=True)
    if problems:
        sys.exit(1)
    click.echo(f"{number} events, unbroken.")
    click.echo(f"Seal of event {number}: {newest}")

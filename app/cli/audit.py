"""`audit`: whether what was recorded is still so, and seals that are kept where nobody here can change them."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import Row
from sqlalchemy.exc import OperationalError

from app import ledger
from app.audit import verification
from app.database import db
from app.records import now

SEALS = "leukolens-seals.jsonl"  # in a folder that is named instead of a file

audit_commands = AppGroup("audit", help="The record of what was done.")


@audit_commands.command("verify")
@click.option("--seal", "known_seal", default=None, help="The seal of an event that has to be in the chain.")
@click.option("--seals", default=None, type=click.Path(path_type=Path, exists=True), help="Where `audit seal` wrote.")
@click.option("--files/--no-files", default=True, help="Whether every stored picture is read and compared, too.")
def verify(known_seal: str | None, seals: Path | None, files: bool) -> None:
    """Check every event's seal, and what the events speak of. The exit status is 1 when something is not as it was.

    Compared are signatures, reviews, blind reviews, annotations, readings, roles, models' cards and stored pictures.
    Keep the seals where nobody with access to this server can change them (`audit seal`), and give them here: then not
    even the newest events can be cut off unnoticed.
    """
    with db.engine.connect() as connection:
        problems = [sentence for _number, sentence in ledger.broken(connection)]
        for wanted in [*([known_seal] if known_seal else []), *(seals_in(seals) if seals else [])]:
            if not ledger.has_seal(connection, wanted):
                problems.append(f"The event with the seal {wanted} is not in the chain any more.")
        number, newest = ledger.newest_seal(connection)
    problems += verification.problems(db.session, files)
    for sentence in problems:
        click.echo(sentence, err=True)
    if problems:
        sys.exit(1)
    click.echo(f"{number} events, unbroken.")
    click.echo(f"Seal of event {number}: {newest}")


@audit_commands.command("seal")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="A file, or an existing folder.")
def seal(target: Path) -> None:
    """Add the newest event's seal to a file, as from a timer each day.

    Let it be on a disk of another machine, or a write-once medium: whoever cuts the newest events off cannot take it
    back there. `audit verify --seals` holds the chain to it.
    """
    with db.engine.connect() as connection:
        number, newest = ledger.newest_seal(connection)
    file = target / SEALS if target.is_dir() else target
    line = json.dumps({"at": now().isoformat(timespec="seconds"), "event": number, "seal": newest})
    try:
        with file.open("a", encoding="ascii") as stream:
            stream.write(line + "\n")
    except OSError as error:
        raise click.ClickException(f"The seal could not be written to {file}: {error.strerror}.") from None
    click.echo(f"Seal of event {number} added to {file}.")


@audit_commands.command("follow")
@click.option("--after", default=None, type=click.IntRange(min=0), help="Begin after this event; 0: with the first.")
@click.option("--seconds", default=2.0, type=click.FloatRange(min=0.1), help="How often is looked for new events.")
def follow(after: int | None, seconds: float) -> None:
    """Print every new event as it is recorded, a JSON object a line, until it is stopped.

    For whatever collects the logs of a hospital, such as `audit follow | logger --server HOST`: an event that has left
    this server cannot be taken back there. Who, when, what and of which id, and the seal; nothing that anybody typed.
    """
    # By name, because a shell that begins a command behind itself has it ignore what Ctrl-C sends.
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    last = after
    while not stopped.is_set():
        try:
            with db.engine.connect() as connection:
                if last is None:
                    last = ledger.newest_seal(connection)[0]
                for row in ledger.all_events(connection, last):
                    click.echo(json.dumps(outline(row)))
                    last = row.id
        except OperationalError:
            click.echo("The database does not answer; it is asked again.", err=True)
        except BrokenPipeError:
            sys.exit(1)
        stopped.wait(seconds)


def outline(row: Row[Any]) -> dict[str, Any]:
    """Return what leaves the server of an event."""
    return {
        "event": row.id,
        "at": row.at.isoformat(timespec="milliseconds"),
        "action": row.action,
        "lab": row.lab_id,
        "actor": row.actor_id,
        "subject": row.subject_id,
        "seal": row.hash,
    }


def seals_in(path: Path) -> list[str]:
    """Return the seals in a file that `audit seal` wrote; click's error where it is none."""
    file = path / SEALS if path.is_dir() else path
    try:
        return [str(json.loads(line)["seal"]) for line in file.read_text("ascii").splitlines() if line.strip()]
    except (OSError, ValueError, KeyError, TypeError):
        raise click.ClickException(f"{file} is no file of seals.") from None

"""`report`: whether a PDF is a report of this server, as it was sent."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from app.signing import report_key

report_commands = AppGroup("report", help="Reports that were sent as PDF.")
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@report_commands.command("verify")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--certificate", default=None, type=FILE, help="Of an earlier key; else the one of this server.")
def verify(files: tuple[Path, ...], certificate: Path | None) -> None:
    """Check the digital signature of reports. The exit status is 1 when one is not as this server sent it."""
    certificate = certificate or current_app.config["REPORT_CERTIFICATE_FILE"]
    if not certificate.is_file():
        raise click.ClickException("This server has no certificate. Run `flask --app wsgi init` first.")
    wrong = False
    for file in files:
        problem = report_key.problem(file.read_bytes(), certificate)
        wrong = wrong or bool(problem)
        click.echo(f"{file}: {problem or 'as it was sent.'}", err=bool(problem))
    if wrong:
        sys.exit(1)

"""`maintenance`: what a new version leaves to be done in a lab that an older one filled, and what piles up."""

from __future__ import annotations

import sys

import click
from flask.cli import with_appcontext

from app.audit import viewings
from app.cells.outlines import outline_all, without_outlines
from app.stored_fields import sweep


@click.command()
@with_appcontext
def maintenance() -> None:
    """Remove files that no row points to and old viewings, and outline leukocytes of an older version's pictures.

    May be stopped and started again, beside a running server, as from a timer once a day. A file that no row points to
    stays for a day, for an upload may be about to. The exit status is 1 when a picture could not be read.
    """
    click.echo(f"Viewings removed that are kept no longer: {viewings.forget()}.")
    click.echo(f"Files removed that no image needs: {sum(1 for _name in sweep())}.")
    total, failed = len(without_outlines()), 0
    if not total:
        click.echo("Nothing is left to do: every picture has its outlines.")
        return
    with click.progressbar(outline_all(), length=total, label="Outlining leukocytes", file=sys.stderr) as pictures:
        for image_id, problem in pictures:
            if problem:
                failed += 1
                click.echo(f"Image {image_id}: {problem}", err=True)
    click.echo(f"Outlined: {total - failed}. Not readable: {failed}.")
    if failed:
        sys.exit(1)

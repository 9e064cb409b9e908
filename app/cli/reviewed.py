"""`export-reviewed` and `import-reviewed`: what people said as data, into a folder and from one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from app.cli.acting import person
from app.database import db
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.waiting import EngineBusyError
from app.records import Lab
from app.reviewed import choice, exporting, importing
from app.rules import RefusedError

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("export-reviewed")
@click.argument("folder", type=FOLDER)
@click.option("--cells", is_flag=True, help="Cells that people named. Without --cells and --fields: both.")
@click.option("--fields", is_flag=True, help="Fields that people reviewed.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only what was labelled from this day on.")
@click.option("--signed-only", is_flag=True, help="Only of signed cases.")
@click.option("--bundle", default="", help="A model in whose words it has to be; what it does not know is left out.")
@click.option("--lab", "lab_name", default=None, help="The lab; needed where there are several.")
@with_appcontext
def export_reviewed(
    folder: Path,
    cells: bool,
    fields: bool,
    since: datetime | None,
    signed_only: bool,
    bundle: str,
    lab_name: str | None,
) -> None:
    """Write what people said of fields and cells into a new folder, which `python -m training` reads as it is.

    With one of --cells and --fields the folder is a data set; with both it holds two, `cells` and `fields`.
    """
    day = since.date().isoformat() if since else ""
    try:
        wanted = choice.checked(choice.Choice(cells, fields, day, signed_only, bundle))
        described = exporting.into_folder(lab_named(lab_name), wanted, folder, None, lambda _done, _total: None)
    except RefusedError as refused:
        raise click.ClickException(refused.text) from None
    except OSError as error:
        raise click.ClickException(f"The export could not be written: {error.strerror}.") from None
    for kind, counts in described["counts"].items():
        per_label = ", ".join(f"{name} {n}" for name, n in sorted(counts.items())) or "none"
        click.echo(f"{kind}: {sum(counts.values())} of {described['groups'][kind]} patients or cases ({per_label})")
    for left_out in described["left_out"]:
        cell = f" cell {left_out['number']}" if left_out["number"] else ""
        click.echo(
            f"Left out: {left_out['picture']}{cell}: {left_out['reason']} ({' / '.join(left_out['labels'])})", err=True
        )


@click.command("import-reviewed")
@click.argument("folder", type=FOLDER)
@click.option("--by", "email", required=True, help="The clinician in whose name the labels are written.")
@with_appcontext
def import_reviewed(folder: Path, email: str) -> None:
    """Take an export of another laboratory in: a case for each group, with its pictures and labels."""
    user = person(email, "clinician")
    try:
        imported = importing.from_folder(folder, user, lambda _done, _total: None)
    except (RefusedError, BundleUnusableError, EngineBusyError) as refused:
        raise click.ClickException(refused.text) from None
    for problem in imported.problems:
        click.echo(problem, err=True)
    labels = ", ".join(f"{n} of {kind}" for kind, n in sorted(imported.labels.items())) or "none"
    click.echo(f"Pictures: {imported.pictures}. Labels: {labels}. Not taken in: {len(imported.problems)}.")


def lab_named(name: str | None) -> Lab:
    """Return the lab of that name, or the only one; RefusedError where there is none such."""
    labs = list(db.session.scalars(select(Lab).order_by(Lab.id)))
    matching = [lab for lab in labs if name in (None, lab.name)]
    if len(matching) != 1:
        raise RefusedError(f"Say which lab with --lab: {', '.join(lab.name for lab in labs)}.")
    return matching[0]

"""`activate`: let a bundle read for a lab, as an admin does on the Models page; for whoever runs the server.

A bundle that was just made is named by its folder: it is put among the published ones first.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.acting import person
from app.inference.loaded_bundles import BundleUnusableError
from app.registry.activation import CELLS, checked
from app.registry.activation import activate as let_read
from app.rules import RefusedError
from smear.artifacts import CARD, BundleError, replacing, sha256
from smear.inference import bundle as bundles


@click.command()
@click.argument("name")
@click.option("--by", "email", required=True, help="The admin of the lab in whose name it is done.")
@click.option("--reason", required=True, help="Why the model changes.")
@click.option("--despite", default="", help="Why it may read although it is not good enough.")
@with_appcontext
def activate(name: str, email: str, reason: str, despite: str) -> None:
    """Let a published bundle, or one in a folder, read every new image of a lab from now on."""
    user = person(email, "admin")
    try:
        reason, despite = checked(reason, despite)
        bundle = bundles.load(published_path(name))
        choice = let_read(bundle, reason, user, despite)
    except BundleError as error:
        raise click.ClickException(str(error)) from None
    except (BundleUnusableError, RefusedError) as refused:
        raise click.ClickException(refused.text) from None
    what = "types cells at upload" if choice.scope == CELLS else "reads"
    click.echo(f"{choice.bundle} {choice.version} {what} from now on for {user.lab.name}.")


def published_path(name: str) -> Path:
    """Return the folder of a published bundle; one that lies elsewhere is put among them first, whole or not at all.

    BundleError where it is damaged; ClickException where another bundle has its name.
    """
    models: Path = current_app.config["MODELS_DIR"]
    folder = Path(name)
    if name in bundles.names(models) or not (folder / CARD).is_file():
        return models / name
    card = bundles.verify(folder)
    target = models / card.name
    if target.exists():
        if sha256(target / CARD) == sha256(folder / CARD):
            return target
        raise click.ClickException(
            f"There is another model '{card.name}' here already, and nothing is replaced. Give the new one another name"
            " (`python -m training adapt ... --name NAME`)."
        )
    with replacing(target) as draft:
        shutil.copytree(folder, draft, dirs_exist_ok=True)
    return target

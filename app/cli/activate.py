"""`activate`: let a bundle read for a lab, as an admin does on the Models page; for whoever runs the server."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from app.database import db
from app.inference.loaded_bundles import BundleUnusableError
from app.records import User
from app.registry.activation import activate as let_read
from smear.artifacts import BundleError
from smear.inference import bundle as bundles


@click.command()
@click.argument("name")
@click.option("--by", "email", required=True, help="The admin of the lab in whose name it is done.")
@click.option("--reason", required=True, help="Why the model changes.")
@click.option("--despite", default="", help="Why it may read although it is not good enough.")
@with_appcontext
def activate(name: str, email: str, reason: str, despite: str) -> None:
    """Let a published bundle read every new image of a lab from now on."""
    user = db.session.scalar(select(User).where(User.email == email.lower()))
    if user is None or not user.is_admin:
        raise click.ClickException(f"{email} is no admin of a lab here.")
    try:
        bundle = bundles.load(current_app.config["MODELS_DIR"] / name)
        choice = let_read(bundle, reason, user, despite)
    except BundleError as error:
        raise click.ClickException(str(error)) from None
    except BundleUnusableError as unusable:
        raise click.ClickException(unusable.text) from None
    click.echo(f"{choice.bundle} {choice.version} reads from now on for {user.lab.name}.")

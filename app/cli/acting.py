"""In whose name a command acts: a person of a lab who may do the same on its pages.

Whoever runs the server may do anything; what is written down is done by somebody of the lab all the same.
"""

from __future__ import annotations

from typing import Literal

import click
from sqlalchemy import select

from app.database import db
from app.records import User

Role = Literal["admin", "clinician"]


def person(email: str, role: Role) -> User:
    """Return whoever has this address, if their account is not disabled and they have the role.

    ClickException where there is nobody such, or the account is disabled.
    """
    user = db.session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None or not (user.is_admin if role == "admin" else user.is_clinician):
        raise click.ClickException(f"{email} is no {role} of a lab here.")
    if not user.active:
        raise click.ClickException(f"The account of {email} is disabled. Name somebody who may sign in.")
    return user

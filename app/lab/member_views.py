"""People: who is in the lab, what they may do, and one-time links for whoever needs a new password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import admin
from app.auth import authenticator
from app.auth.passwords import password_problem
from app.auth.posts import POSTS, post_of
from app.lab import membership, password_links
from app.lab.members_blueprint import bp
from app.records import User
from app.rules import RefusedError


@bp.get("/people/")
@admin
def index() -> str:
    """Show everyone in the lab."""
    return people_page()


def people_page(linked_user: User | None = None, token: str = "", problem: str = "") -> str:
    """Draw the page, with a link that was just made, or with what was typed and why it was refused."""
    return render_template(
        "lab/members.html",
        people=[(user, post_of(user)) for user in membership.people_of(current_user.lab_id)],
        posts=POSTS,
        with_code=authenticator.those_on(current_user.lab_id),
        made=linked_user,
        link=url_for("members.choose", token=token, _external=True) if linked_user else "",
        hours=current_app.config["LINK_HOURS"],
        typed={} if linked_user else request.form,
        problem=problem,
    )


@bp.post("/people/")
@admin
def add() -> Any:
    """Add a person and show their one-time link, which no page ever shows again."""
    email, name, post = (request.form.get(field, "") for field in ("email", "name", "post"))
    try:
        user, token = membership.add(email, name, post, current_user)
    except RefusedError as refused:
        return people_page(problem=refused.text), 400
    return people_page(user, token)


@bp.post("/people/<int:user_id>/link")
@admin
def reset(user_id: int) -> Any:
    """Show a one-time link for a person who lost the password."""
    try:
        user, token = membership.reset(user_id, current_user)
    except RefusedError as refused:
        return people_page(problem=refused.text), 409
    return people_page(user, token)


@bp.post("/people/<int:user_id>/role")
@admin
def appoint(user_id: int) -> Any:
    """Change what a person may do."""
    return changed(lambda: membership.appoint(user_id, request.form.get("post", ""), current_user))


@bp.post("/people/<int:user_id>/active")
@admin
def set_active(user_id: int) -> Any:
    """Disable a person or let them in again."""
    return changed(lambda: membership.set_active(user_id, request.form.get("active") == "yes", current_user))


def changed(change: Callable[[], None]) -> Any:
    """Do it and say so, or say why not."""
    try:
        change()
        flash(_("Saved."), "info")
    except RefusedError as refused:
        flash(refused.text, "error")
    # Who gave up the own role sees the page no more.
    return redirect(url_for("members.index" if current_user.is_admin else "worklist.show"))


@bp.get("/password-link/<token>")
def choose(token: str) -> Any:
    """Let a person with a one-time link choose a password."""
    return choose_page(token)


@bp.post("/password-link/<token>")
def chosen(token: str) -> Any:
    """Set the password that a person chose."""
    user = password_links.person_of(token)
    password = request.form.get("password", "")
    if user is None:
        return choose_page(token)
    if password != request.form.get("again", ""):
        return choose_page(token, _("The two passwords are not the same.")), 400
    if problem := password_problem(password, user):
        return choose_page(token, problem), 400
    if not password_links.use(token, password):
        return choose_page(token)
    flash(_("The password is saved. Sign in with it."), "info")
    return redirect(url_for("security.login"))


def choose_page(token: str, problem: str = "") -> Any:
    """Draw the page; a link that was used, replaced or is too old leads nowhere."""
    user = password_links.person_of(token)
    if user is None:
        abort(404, "link")
    return render_template("lab/choose.html", user=user, problem=problem, token=token)

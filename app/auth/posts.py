"""What a person may be in a lab: clinician, admin, or both."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.records import User

# What a person may be: the words, and the roles behind them.
POSTS = {
    "clinician": (_l("Clinician"), ["clinician"]),
    "admin": (_l("Admin and clinician"), ["admin", "clinician"]),
    "office": (_l("Admin only: no reviews, no signatures"), ["admin"]),
}


def post_of(user: User) -> str:
    """Return what a person is."""
    held = sorted(role.name for role in user.roles)
    return next((code for code, (_words, roles) in POSTS.items() if sorted(roles) == held), "clinician")


def words_of(user: User) -> str:
    """Say what a person is."""
    return str(POSTS[post_of(user)][0])

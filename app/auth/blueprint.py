"""The blueprint of a person's own account: signing in, password and second factor."""

from flask import Blueprint

bp = Blueprint("auth", __name__, url_prefix="/account")

"""The blueprint of blind readings."""

from flask import Blueprint

bp = Blueprint("reviews", __name__)

"""The blueprint of the worklist."""

from flask import Blueprint

bp = Blueprint("worklist", __name__)

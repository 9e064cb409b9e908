"""The blueprint of the cells page."""

from flask import Blueprint

bp = Blueprint("cells", __name__)

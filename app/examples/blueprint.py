"""The blueprint of the example."""

from flask import Blueprint

bp = Blueprint("examples", __name__)

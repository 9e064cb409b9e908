"""The blueprint of teaching a model."""

from flask import Blueprint

bp = Blueprint("teaching", __name__, url_prefix="/teaching")

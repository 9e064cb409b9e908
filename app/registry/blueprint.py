"""The blueprint of the published models."""

from flask import Blueprint

bp = Blueprint("registry", __name__, url_prefix="/models")

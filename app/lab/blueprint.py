"""The blueprint of the lab's settings."""

from flask import Blueprint

bp = Blueprint("lab", __name__, url_prefix="/lab")

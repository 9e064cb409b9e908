"""The blueprint of what people said as data."""

from flask import Blueprint

bp = Blueprint("reviewed", __name__, url_prefix="/reviewed")

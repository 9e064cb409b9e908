"""The blueprint of the ledger's page."""

from flask import Blueprint

bp = Blueprint("audit", __name__, url_prefix="/audit")

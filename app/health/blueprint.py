"""The blueprint of the server's health."""

from flask import Blueprint

bp = Blueprint("health", __name__, url_prefix="/health")

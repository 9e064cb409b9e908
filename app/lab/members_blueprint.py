"""The blueprint of the people of the lab."""

from flask import Blueprint

bp = Blueprint("members", __name__)

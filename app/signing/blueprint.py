"""The blueprint of signing and amending."""

from flask import Blueprint

bp = Blueprint("signing", __name__)

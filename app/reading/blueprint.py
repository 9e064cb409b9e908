"""The blueprint of the page on which one image is read and reviewed."""

from flask import Blueprint

bp = Blueprint("reading", __name__)

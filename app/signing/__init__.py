"""Signing a case, and opening a signed one again."""

from app.signing import views as views
from app.signing.blueprint import bp

__all__ = ["bp"]

"""The published models, and the choice of the one that reads."""

from app.registry import views as views
from app.registry.blueprint import bp

__all__ = ["bp"]

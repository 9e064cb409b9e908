"""A model made the laboratory's own: what to label next, the adaptation, and what came of it."""

from app.teaching import label_views as label_views
from app.teaching import views as views
from app.teaching.blueprint import bp

__all__ = ["bp"]

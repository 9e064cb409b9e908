"""Health, for whoever runs the server."""

from app.health import views as views
from app.health.blueprint import bp

__all__ = ["bp"]

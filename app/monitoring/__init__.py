"""Whether a model still does in the laboratory what it did: week by week, with control limits and a warning."""

from app.monitoring import views as views
from app.monitoring.blueprint import bp

__all__ = ["bp"]

"""What people said of pictures and cells as data: exported to be learnt from, and imported elsewhere."""

from app.reviewed import views as views
from app.reviewed.blueprint import bp

__all__ = ["bp"]

"""The report of a signed version, as a page and as a PDF."""

from app.report import views as views
from app.report.blueprint import bp

__all__ = ["bp"]

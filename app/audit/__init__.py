"""The page of the ledger."""

from app.audit import views as views
from app.audit.blueprint import bp

__all__ = ["bp"]

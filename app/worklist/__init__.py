"""The worklist: every case of the lab."""

from app.worklist import export as export
from app.worklist import saved as saved
from app.worklist import views as views
from app.worklist.blueprint import bp

__all__ = ["bp"]

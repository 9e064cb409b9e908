"""The cells page: every leukocyte of a case's fields, cut out; read by a bundle for cells, and named by people."""

from app.cells import export_views as export_views
from app.cells import redraw_views as redraw_views
from app.cells import single_cell as single_cell
from app.cells import views as views
from app.cells.blueprint import bp

__all__ = ["bp"]

"""Two models on the lab's own signed cases: where they differ, who was right, and whether to promote the candidate."""

from app.comparison import panel_views as panel_views
from app.comparison import side_by_side_views as side_by_side_views
from app.comparison import views as views
from app.comparison.blueprint import bp

__all__ = ["bp"]

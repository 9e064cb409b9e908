"""One image: what was suggested, the pictures that show why, and the review."""

from app.reading import pictures as pictures
from app.reading import review_views as review_views
from app.reading import views as views
from app.reading.blueprint import bp

__all__ = ["bp"]

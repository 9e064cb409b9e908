"""Reviews of images, and blind readings by a second person."""

from app.reviews import blind_views as blind_views
from app.reviews.blueprint import bp

__all__ = ["bp"]

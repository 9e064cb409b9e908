"""An example to begin with: three pictures that end in three ways, and a guide to a signed report."""

from app.examples import views as views
from app.examples.blueprint import bp

__all__ = ["bp"]

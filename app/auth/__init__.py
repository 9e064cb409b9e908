"""A person's own account: signing in, the password, the second factor and the sessions."""

from app.auth import two_factor as two_factor
from app.auth import views as views
from app.auth.blueprint import bp

__all__ = ["bp"]

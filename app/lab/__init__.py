"""The lab: its settings, its members and what they may do."""

from app.lab import member_views as member_views
from app.lab import term_views as term_views
from app.lab import views as views
from app.lab.blueprint import bp
from app.lab.members_blueprint import bp as members_bp

__all__ = ["bp", "members_bp"]

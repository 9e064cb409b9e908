"""Cases: opening one, correcting what is written down of it, adding images and taking them out."""

from app.cases import editing as editing
from app.cases import job_views as job_views
from app.cases import upload_views as upload_views
from app.cases import views as views
from app.cases.blueprint import bp

__all__ = ["bp"]

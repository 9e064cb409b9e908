"""The command line: `flask --app wsgi ...`."""

from app.cli.commands import init_app

__all__ = ["init_app"]

"""The application for a WSGI server and `flask --app wsgi`; an unusable setting ends both with a sentence."""

from app import create_app
from app.config import SettingError

try:
    app = create_app()
except SettingError as wrong:
    raise SystemExit(f"Error: {wrong}") from None

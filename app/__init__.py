"""The Flask application: people, cases, readings, models."""

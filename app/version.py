"""The version of LeukoLens; pyproject.toml reads it here, and tests hold CHANGELOG.md to it."""

__version__ = "0.2.0"

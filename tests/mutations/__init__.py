"""Protections that are broken on purpose, to see that their tests fail."""

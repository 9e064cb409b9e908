"""The cells page in a real browser."""

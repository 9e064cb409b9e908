"""Candidates that read silently beside the active model, so that they can be compared with it before they read."""

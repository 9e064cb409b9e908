"""Pictures for people: overlays, crops and explanations."""

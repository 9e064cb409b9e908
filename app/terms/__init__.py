"""The terms that a lab chooses for itself: its diagnoses, cell classes, sentences and reasons."""

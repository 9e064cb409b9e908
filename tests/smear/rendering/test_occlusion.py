"""A map of what covering each place takes from an answer."""

from __future__ import annotations

import numpy as np

from smear.rendering import occlusion


def test_the_place_that_an_answer_rests_on_stands_out() -> None:
    """A label that is read from one corner loses its lead where that corner is covered, and nowhere far from it."""
    shown = np.full((60, 48, 3), 200, np.uint8)
    shown[:10, :8] = 20
    pictures = np.concatenate([shown[None], occlusion.covered(shown)])
    assert pictures.shape == (37, 60, 48, 3)
    dark = (pictures[:, :10, :8] < 100).mean(axis=(1, 2, 3))
    logits = np.stack([5 * dark, np.zeros(37), np.zeros(37)], axis=1)
    grid = occlusion.grid(logits, 0)
    assert grid.shape == (6, 6)
    assert np.unravel_index(grid.argmax(), grid.shape) == (0, 0)
    assert grid[3:, 3:].max() == 0
    assert (occlusion.grid(logits, 1) == 0).all()  # covering never helps what the corner speaks against

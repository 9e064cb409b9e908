"""Generated outliers: reproducible, of every kind, and no smear to the shipped model."""

import numpy as np

from smear.imaging.decode import encode
from smear.inference.field_reader import Reader
from training.data.non_smears import KINDS, non_smear


def test_a_seed_is_a_picture_and_kinds_take_turns():
    pictures = [non_smear(seed) for seed in range(2 * len(KINDS))]
    assert all(rgb.shape == (448, 448, 3) and rgb.dtype == np.uint8 for rgb in pictures)
    assert all((non_smear(seed) == rgb).all() for seed, rgb in enumerate(pictures))
    assert len({rgb.tobytes() for rgb in pictures}) == len(pictures)


def test_the_shipped_model_suggests_nothing_for_them(shipped):
    reader = Reader(shipped)
    suggested = []
    for seed in range(40):
        reading = reader.read(encode(non_smear(seed), "PNG"))
        if reading.suggestion.outcome == "suggested":
            suggested.append(seed)
    assert len(suggested) <= 2, suggested

"""A training that was killed goes on after its last whole epoch; one that diverges says so."""

from dataclasses import replace

import numpy as np
import pytest

from training.fitting import Batches, DivergedError, train_network
from training.recipe import load

PICTURES = 24


@pytest.fixture(scope="module")
def material():
    random = np.random.default_rng(0)
    inputs = random.integers(0, 256, (PICTURES, 64, 64, 3), dtype=np.uint8)
    return inputs, np.arange(PICTURES) % 2


@pytest.fixture(scope="module")
def recipe(tiny):
    return load(str(tiny))


class KilledError(Exception):
    """Stands for the machine that goes away."""


def test_a_killed_training_goes_on_after_its_last_whole_epoch(material, recipe, tmp_path):
    said = []

    def die_after_the_second_line(text):
        said.append(text)
        if text.startswith("epoch 2"):
            raise KilledError

    with pytest.raises(KilledError):
        train_network(recipe, material, material[0], material, None, tmp_path, die_after_the_second_line)
    assert [line.split(":")[0] for line in said[1:]] == ["epoch 1/2", "epoch 2/2"]
    assert "first weights random" in said[0]
    said.clear()
    train_network(recipe, material, material[0], material, None, tmp_path, said.append)
    assert [line.split(":")[0] for line in said[1:]] == ["epoch 2/2"]


def test_a_loss_that_is_no_number_stops_the_training(material, recipe, tmp_path):
    wild = replace(recipe, schedule=replace(recipe.schedule, learning_rate=float("inf")))
    with pytest.raises(DivergedError, match="Lower the learning rate"):
        train_network(wild, material, material[0], material, None, tmp_path)


def test_batches_are_a_function_of_seed_and_epoch_and_hold_the_strangers(material, recipe):
    inputs, targets = material
    with_strangers = replace(recipe, schedule=replace(recipe.schedule, strangers=3))
    first, again = (Batches(inputs, targets, 255 - inputs, with_strangers) for _ in range(2))
    pictures, shares, weights = first[1]
    assert pictures.shape == (11, 64, 64, 3)
    np.testing.assert_array_equal(pictures, again[1][0])
    np.testing.assert_array_equal(shares[:8].sum(axis=1), 1)
    assert set(shares[:8].max(axis=1)) == {1.0}
    np.testing.assert_array_equal(shares[8:], 0.5)
    assert (weights[8:] < weights[:8].max()).all()
    first.begin_epoch(1)
    assert not np.array_equal(first[1][0], pictures)
    first.begin_epoch(0)
    np.testing.assert_array_equal(first[1][0], pictures)
    seen = np.concatenate([first.order[i * 8 : (i + 1) * 8] for i in range(len(first))])
    assert sorted(seen) == list(range(PICTURES))

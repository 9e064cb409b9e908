"""The red deer algorithm finds the least of functions whose least is known, seeded; and chooses a network."""

import numpy as np
import pytest
from msgspec import structs

from training.architectures.blueprint import Order
from training.published import recurrence_search
from training.published.red_deer import Herd, minimise
from training.published.weight_search import REACH, moved_weights
from training.recipes.loading import load
from training.recipes.recipe import Search


def bowl(point):
    return float(((point - 0.7) ** 2).sum())


def rastrigin(point):
    """Many local minima; the least, 0, at 0.4 everywhere."""
    x = 8 * (point - 0.4)
    return float((x**2 - 10 * np.cos(2 * np.pi * x) + 10).sum())


def test_a_bowl_is_found():
    best, value, history = minimise(bowl, 3, Herd(30, 8, 40), seed=1)
    np.testing.assert_allclose(best, 0.7, atol=0.03)
    assert value == pytest.approx(bowl(best))
    assert history == sorted(history, reverse=True)  # the best is never lost
    assert len(history) == 40


def test_it_beats_as_many_random_points():
    counted = []

    def counting(point):
        counted.append(1)
        return rastrigin(point)

    values = [minimise(counting, 4, Herd(20, 5, 25), seed)[1] for seed in range(3)]
    tries = len(counted) // 3
    random = np.random.default_rng(0)
    chance = [min(rastrigin(point) for point in random.random((tries, 4))) for _ in range(3)]
    assert np.mean(values) < np.mean(chance)


def test_the_same_seed_gives_the_same_and_points_stay_in_the_cube():
    points = []

    def watched(point):
        points.append(point)
        return bowl(point)

    first = minimise(watched, 2, Herd(8, 3, 5), seed=4)
    again = minimise(bowl, 2, Herd(8, 3, 5), seed=4)
    np.testing.assert_array_equal(first[0], again[0])
    assert first[2] == again[2]
    assert not np.array_equal(first[0], minimise(bowl, 2, Herd(8, 3, 5), seed=5)[0])
    assert 0 <= np.min(points) <= np.max(points) <= 1


def test_a_herd_without_stags_mates_all_the_same():
    assert minimise(bowl, 2, Herd(6, 1, 10, commanders=1.0), seed=0)[1] < bowl(np.zeros(2))


def test_every_point_is_a_network():
    shapes = {recurrence_search.decode(point) for point in np.random.default_rng(0).random((400, 4))}
    assert len(shapes) == 2 * 3 * 5 * 3
    assert recurrence_search.decode(np.ones(4)).units == (192, 192, 192)
    assert len(recurrence_search.decode(np.zeros(4)).units) == 1


@pytest.mark.usefixtures("eagerly")
def test_it_chooses_the_network_with_the_least_held_out_loss(monkeypatch):
    monkeypatch.setattr(recurrence_search, "UNITS", (4, 6, 8, 10, 12))
    recipe = load("bushi-odrnn")
    recipe = structs.replace(
        recipe, search=structs.replace(recipe.search, population=3, males=1, generations=1, epochs=2)
    )
    targets = np.arange(24) % 2
    inputs = np.where(targets[:, None, None, None] > 0, 220, 40) * np.ones((24, 5, 4, 3))
    inputs = inputs.astype(np.uint8)
    lines = []
    pictures = (inputs[:16], targets[:16]), (inputs[16:], targets[16:])
    chosen = recurrence_search.choose(recipe, Order(5, 4, 2), *pictures, lines.append)
    tried = [float(line.rsplit(" ", 1)[1]) for line in lines[:-1]]
    assert len(tried) >= 3
    assert lines[-1].endswith(f"{min(tried):.4f}")
    assert set(chosen.units) <= {4, 6, 8, 10, 12}
    assert len(set(lines[:-1])) == len(tried)  # nothing is trained twice


def test_the_last_weights_are_moved_to_where_the_loss_is_less_and_never_to_where_it_is_more():
    random = np.random.default_rng(3)
    values = random.normal(size=(60, 5))
    targets = (values[:, 0] > 0).astype(np.int64)
    kernel, bias = random.normal(size=(5, 2)), np.zeros(2)
    search = Search(population=8, males=3, weight_generations=15)
    moved, offset, before, after = moved_weights(kernel, bias, values, targets, search, 4)

    def loss(matrix, added):
        logits = values @ matrix + added
        return (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(60), targets]).mean()

    assert before == pytest.approx(loss(kernel, bias))
    assert after == pytest.approx(loss(moved, offset))
    assert after < before
    assert np.abs(moved - kernel).max() <= REACH * np.abs(kernel).max() + 1e-12
    again = moved_weights(kernel, bias, values, targets, search, 4)
    np.testing.assert_array_equal(moved, again[0])
    # From the best place there is, no move is better.
    sure = np.zeros((5, 2))
    sure[0] = -1000, 1000
    assert moved_weights(sure, bias, values, targets, search, 4)[2:] == (pytest.approx(0), pytest.approx(0))

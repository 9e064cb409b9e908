"""What is picked is unsure and varied: not what the model knows, and not the same thing again and again."""

from __future__ import annotations

import numpy as np

from app.teaching.variety import varied


def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities, features and kind of 90 pictures: 60 certain ones, 20 unsure ones alike, 10 others."""
    random = np.random.default_rng(1)
    kinds = np.repeat([0, 1, 2], [60, 20, 10])
    means = np.eye(8)[[0, 3, 6]] * 5
    features = means[kinds] + random.normal(size=(90, 8)) * 0.2
    sure = np.where(kinds == 0, 0.99, 0.55)
    return np.column_stack([sure, 1 - sure]), features, kinds


def test_what_a_model_is_unsure_of_comes_first() -> None:
    """Of 20, hardly one is of the 60 that it knows."""
    probabilities, features, kinds = pictures()
    counts = [np.bincount(kinds[varied(probabilities, features, 20, seed)], minlength=3) for seed in range(20)]
    assert np.mean(counts, axis=0)[0] < 2


def test_no_kind_is_forgotten_for_a_larger_one() -> None:
    """Both unsure kinds are among the first four, however many there are of each."""
    probabilities, features, kinds = pictures()
    both = [{1, 2} <= set(kinds[varied(probabilities, features, 4, seed)]) for seed in range(20)]
    assert np.mean(both) > 0.9


def test_each_is_picked_once_and_all_where_there_are_few() -> None:
    """Also of pictures that are all the same."""
    probabilities, features, _kinds = pictures()
    assert sorted(varied(probabilities, features, 90)) == list(range(90))
    assert len(set(varied(probabilities, features, 50))) == 50
    same = np.ones((10, 2)) / 2, np.ones((10, 4))
    assert len(set(varied(*same, 6))) == 6


def test_the_distances_are_those_of_the_gradients_themselves() -> None:
    """Written out, as the paper has them, they lead to the same picks."""
    probabilities, features, _kinds = pictures()
    error = probabilities - (probabilities == probabilities.max(axis=1, keepdims=True))
    gradients = (error[:, :, None] * features[:, None, :]).reshape(len(error), -1)
    random = np.random.default_rng(5)
    chosen = [int((gradients**2).sum(axis=1).argmax())]
    while len(chosen) < 12:
        distances = ((gradients[:, None] - gradients[chosen]) ** 2).sum(axis=2).min(axis=1)
        distances[chosen] = 0
        chosen.append(int(random.choice(len(gradients), p=distances / distances.sum())))
    assert varied(probabilities, features, 12, seed=5) == chosen

"""What a batch holds: labels alike often, laboratories by the root of their count, targets that are not quite sure."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from training.fit.batches import Batches, even_chances
from training.fit.run import TrainingSet
from training.recipes.loading import RecipeError, load


@pytest.fixture
def pictures():
    """Thirty-two of one label, eight of another, none of a third; two laboratories."""
    targets, sources = np.repeat([0, 1], [32, 8]), np.repeat([0, 1, 1], [28, 4, 8])
    inputs = np.full((40, 24, 24, 3), 200, np.uint8)
    return TrainingSet(inputs, targets, inputs[:0], inputs[:0], targets[:0], classes=3, sources=sources)


def of(**schedule):
    recipe = load("leukolens-differential")
    plain = {"batch_size": 8, "outlier_exposure": 0, "balanced": False}
    return structs.replace(recipe, schedule=structs.replace(recipe.schedule, **plain, **schedule))


def test_labels_are_drawn_alike_often_and_laboratories_by_the_root_of_their_count(pictures):
    chances = even_chances(pictures.targets, pictures.sources)
    assert chances.sum() == pytest.approx(1)
    assert chances[pictures.targets == 1].sum() == pytest.approx(1 / 2)
    small, large = (chances[(pictures.targets == 0) & (pictures.sources == source)].sum() for source in (1, 0))
    assert large / small == pytest.approx(np.sqrt(28 / 4))
    batches = Batches(pictures, of(sampling="even"))
    drawn = []
    for epoch in range(20):
        batches.begin_epoch(epoch)
        drawn += [batches[index][1].argmax(axis=1) for index in range(len(batches))]
    assert np.concatenate(drawn).mean() == pytest.approx(0.5, abs=0.08)
    batches.begin_epoch(3)
    once = batches.order.copy()
    batches.begin_epoch(4)
    batches.begin_epoch(3)
    np.testing.assert_array_equal(once, batches.order)


def test_a_picture_that_is_drawn_often_is_another_copy_each_time(pictures):
    random = np.random.default_rng(0)
    distinct = random.integers(0, 255, (40, 24, 24, 3), dtype=np.uint8)
    batches = Batches(replace(pictures, inputs=distinct), of(sampling="even"))
    shown = [copy.tobytes() for index in range(len(batches)) for copy in batches[index][0]]
    assert len(np.unique(batches.order)) < len(shown) == len(set(shown))


def test_a_target_leaves_a_share_to_every_label_also_to_one_that_is_not_there(pictures):
    _inputs, targets, _weights = Batches(pictures, of(label_smoothing=0.3))[0]
    assert targets.shape == (8, 3)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.sort(targets, axis=1), np.tile([0.1, 0.1, 0.8], (8, 1)), rtol=1e-6)


def test_who_draws_evenly_needs_no_other_balance():
    with pytest.raises(RecipeError, match="evened and balanced have to be false"):
        load("leukolens-differential", {"schedule.sampling": "even"})

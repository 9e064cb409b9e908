"""The last layer in closed form: it knows easy classes, whatever scale its features have, and says so with measure."""

import numpy as np
import pytest
from msgspec import structs

from training.data.manifest import DataError
from training.fit.closed_form_head import fit_closed_form, minimum, whitening
from training.recipes.loading import load

PICTURES, WIDTH = 400, 6


@pytest.fixture(scope="module")
def known():
    """Features in which a small direction tells two classes, among large ones that tell nothing."""
    random = np.random.default_rng(0)
    targets = np.arange(PICTURES) % 2
    features = random.normal(0, 10, (PICTURES, WIDTH))
    features[:, 3] = random.normal(0, 0.01, PICTURES) + 0.02 * targets
    return features, np.eye(2)[targets], np.ones(PICTURES)


def answers(features, kernel, bias):
    return features @ kernel + bias


def right(features, shares, kernel, bias):
    return (answers(features, kernel, bias).argmax(axis=1) == shares.argmax(axis=1)).mean()


def test_a_small_direction_that_tells_is_found_among_large_ones_that_do_not(known):
    features, shares, weights = known
    assert right(features, shares, *minimum(features, shares, weights, 0.02)) > 0.8


def test_answers_do_not_depend_on_how_the_features_are_mixed_and_scaled(known):
    features, shares, weights = known
    mixed = features / features.std(axis=0) @ np.random.default_rng(1).normal(size=(WIDTH, WIDTH)) * 1000 + 5
    one = answers(features, *minimum(features, shares, weights, 0.02))
    other = answers(mixed, *minimum(mixed, shares, weights, 0.02))
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_the_penalty_is_on_the_variance_of_the_answer(known):
    loose, tight = (answers(known[0], *minimum(*known, penalty)) for penalty in (0.01, 1.0))
    assert np.var(loose[:, 1] - loose[:, 0]) > 4 * np.var(tight[:, 1] - tight[:, 0])


def test_dead_constant_and_repeated_channels_change_nothing(known):
    features, shares, weights = known
    more = np.concatenate([features, np.zeros((PICTURES, 1)), np.full((PICTURES, 1), 7.0), features[:, :2]], axis=1)
    one = answers(features, *minimum(features, shares, weights, 0.02))
    np.testing.assert_allclose(answers(more, *minimum(more, shares, weights, 0.02)), one, atol=1e-3)
    assert whitening(more - more.mean(axis=0), weights).shape == (WIDTH + 4, WIDTH)


def test_a_picture_of_no_class_pulls_the_answer_towards_none(known):
    features, shares, weights = known
    alike = np.full((PICTURES, 2), 0.5)
    among = np.concatenate([features, features]), np.concatenate([shares, alike]), np.tile(weights, 2)
    sure, unsure = (answers(features, *minimum(*part, 0.02)) for part in (known, among))
    assert np.abs(unsure[:, 0] - unsure[:, 1]).mean() < 0.7 * np.abs(sure[:, 0] - sure[:, 1]).mean()


def test_a_picture_of_double_weight_counts_as_two(known):
    features, shares, weights = known
    twice = np.concatenate([features, features[:50]])
    repeated = minimum(twice, np.concatenate([shares, shares[:50]]), np.ones(PICTURES + 50), 0.02)
    weighted = minimum(features, shares, weights + (np.arange(PICTURES) < 50), 0.02)
    np.testing.assert_allclose(answers(features, *repeated), answers(features, *weighted), atol=1e-3)


def test_three_classes_get_a_logit_each():
    random = np.random.default_rng(2)
    targets = np.arange(PICTURES) % 3
    features = random.normal(0, 0.3, (PICTURES, 2)) + np.array([[0, 0], [3, 0], [0, 3]])[targets]
    kernel, bias = minimum(features, np.eye(3)[targets], np.ones(PICTURES), 0.02)
    assert kernel.shape == (2, 3)
    assert right(features, np.eye(3)[targets], kernel, bias) > 0.99


def test_a_class_without_a_picture_is_lines(known):
    features, shares, weights = known
    with pytest.raises(DataError, match="no picture in the training part"):
        minimum(features, np.insert(shares, 1, 0, axis=1), weights, 0.02)


class Drawn:
    """Batches of one drawing after another, as the training's are."""

    def __init__(self, pictures, shares):
        self.pictures, self.shares, self.epochs = pictures, shares, []

    def __len__(self):
        return 4

    def begin_epoch(self, epoch):
        self.epochs.append(epoch)

    def __getitem__(self, number):
        part = slice(number * 6, number * 6 + 6)
        return self.pictures[part], self.shares[part], np.ones(6, np.float32)


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_layer_of_a_network_is_set_from_what_it_is_given(outputs):
    import keras

    from training.fit.features import logits_of

    targets = np.arange(24) % 2
    noise = np.random.default_rng(3).integers(0, 60, (24, 16, 16, 3))
    pictures = (noise + 150 * targets[:, None, None, None]).astype(np.float32)
    inputs = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(outputs, name="logits")(pooled))
    batches = Drawn(pictures, np.eye(2, dtype=np.float32)[targets])
    fit_closed_form(model, batches, 2, 0.02)
    assert batches.epochs == [0, 1]
    logits = logits_of(model, pictures.astype(np.uint8))
    np.testing.assert_array_equal(logits.argmax(axis=1), targets)
    assert np.abs(logits[:, 0] + logits[:, 1]).max() < 1e-3


@pytest.mark.usefixtures("eagerly")
def test_a_training_fits_the_last_layer_first_then_trains_all_with_statistics_that_stand_still(tiny, tmp_path):
    from training.fit import trainer
    from training.fit.run import Material, Run, TrainingSet

    recipe = load(str(tiny))
    schedule = structs.replace(recipe.schedule, closed_form_epochs=2, epochs=1, learning_rate=1e-5, outlier_exposure=0)
    recipe = structs.replace(recipe, schedule=schedule, architecture="mobilenet_v2_texture")
    targets = np.arange(24) % 2
    noise = np.random.default_rng(4).integers(0, 60, (24, 64, 64, 3))
    easy = (noise + 150 * targets[:, None, None, None]).astype(np.uint8)
    easy, lines = TrainingSet(easy, targets, easy[:0], easy, targets, 2), []
    run = Run(Material(recipe, None), None, tmp_path, lines.append)
    network = trainer.train_network(run, easy)
    assert lines[1] == "last layer in closed form: held-out accuracy 1.0000"
    assert lines[2].startswith("epoch 1/1")
    assert lines[2].endswith("held-out accuracy 1.0000")
    normalised = network.blueprint.model.get_layer("bn_Conv1")
    np.testing.assert_array_equal(normalised.moving_mean, 0)
    fitted = network.blueprint.model.get_layer("logits").get_weights()[0]
    lines.clear()
    again = trainer.train_network(run, easy)
    assert not [line for line in lines if "in closed form" in line]
    np.testing.assert_allclose(again.blueprint.model.get_layer("logits").get_weights()[0], fitted, atol=1e-5)
    stiffer = structs.replace(recipe, schedule=structs.replace(schedule, closed_form_penalty=9.0))
    with pytest.raises(DataError, match="holds an unfinished training"):
        trainer.train_network(Run(Material(stiffer, None), None, tmp_path, lines.append), easy)
    trainer.clear(tmp_path)
    assert not list(tmp_path.iterdir())

"""The slower maps: shapes, ranges, and Grad-CAM against the closed form that every reading shows."""

from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from smear.rendering.explain import METHODS, evidence, explain

SIDE, CHANNELS, LABELS = 32, 6, 3


@pytest.fixture(scope="module")
def bundle(keras: ModuleType) -> SimpleNamespace:
    """A flat functional network with what matters: scaling inside, a named activation, pooling, logits."""
    keras.utils.set_random_seed(7)
    given = keras.Input((SIDE, SIDE, 3), name="picture")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(given)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", padding="same", name="early")(x)
    x = keras.layers.Conv2D(CHANNELS, 3, strides=2, padding="same", name="convolution")(x)
    x = keras.layers.Activation("relu", name="features")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(given, keras.layers.Dense(LABELS, name="logits")(x))
    return SimpleNamespace(
        network=SimpleNamespace(model=model, orientations_of=lambda _: range(1)),
        card=SimpleNamespace(explanation_layer="features"),
    )


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    return np.random.default_rng(3).uniform(0, 255, (1, SIDE, SIDE, 3)).astype(np.float32)


def at(bundle: SimpleNamespace, layer: str) -> SimpleNamespace:
    return SimpleNamespace(network=bundle.network, card=SimpleNamespace(explanation_layer=layer))


def closed_form(bundle: SimpleNamespace, keras: ModuleType, batch: np.ndarray, label: int) -> np.ndarray:
    model = bundle.network.model
    maps = keras.Model(model.input, model.get_layer("features").output)(batch).numpy()[0]
    weights = model.get_layer("logits").get_weights()[0][:, label]
    return np.maximum((maps * weights).sum(axis=-1), 0) / (maps.shape[0] * maps.shape[1])


@pytest.mark.parametrize("label", range(LABELS))
def test_grad_cam_agrees_with_the_closed_form(
    bundle: SimpleNamespace, keras: ModuleType, batch: np.ndarray, label: int
) -> None:
    expected = closed_form(bundle, keras, batch, label)
    assert expected.max() > 0
    np.testing.assert_allclose(evidence(bundle, batch, label), expected, atol=1e-5 * expected.max(), rtol=1e-5)


def test_it_would_not_agree_for_another_layer(bundle: SimpleNamespace, keras: ModuleType, batch: np.ndarray) -> None:
    expected = closed_form(bundle, keras, batch, 1)
    of_the_convolution = evidence(at(bundle, "convolution"), batch, 1)  # the one that tf-keras-vis would seek
    assert of_the_convolution.shape == expected.shape
    assert np.abs(of_the_convolution - expected).max() > 0.01 * expected.max()
    assert evidence(at(bundle, "early"), batch, 1).shape == (16, 16)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("label", [0, LABELS - 1])
def test_shape_range_and_repeatability(bundle: SimpleNamespace, batch: np.ndarray, method: str, label: int) -> None:
    values = explain(bundle, batch, label, method)
    assert values.shape == ((SIDE, SIDE) if method == "smoothgrad" else (8, 8))
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() == pytest.approx(1) or not values.any()
    np.testing.assert_array_equal(values, explain(bundle, batch, label, method))


@pytest.mark.parametrize("method", METHODS)
def test_labels_have_different_maps(bundle: SimpleNamespace, batch: np.ndarray, method: str) -> None:
    maps = [explain(bundle, batch, label, method) for label in range(LABELS)]
    assert any(not np.allclose(maps[0], other) for other in maps[1:])


def test_no_positive_evidence_stays_empty(bundle: SimpleNamespace, keras: ModuleType, batch: np.ndarray) -> None:
    model = keras.models.clone_model(bundle.network.model)
    model.set_weights(bundle.network.model.get_weights())
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([-np.abs(kernel), bias])
    against = SimpleNamespace(
        network=SimpleNamespace(model=model, orientations_of=lambda _: range(1)), card=bundle.card
    )
    assert not explain(against, batch, 0, "grad-cam").any()


def test_smoothgrad_finds_the_pixels_that_count(bundle: SimpleNamespace, keras: ModuleType) -> None:
    given = keras.Input((SIDE, SIDE, 3))
    corner = keras.layers.Cropping2D(((0, SIDE // 2), (0, SIDE // 2)))(given)
    x = keras.layers.Conv2D(4, 3, padding="same", name="features")(corner)
    model = keras.Model(given, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    half_blind = SimpleNamespace(
        network=SimpleNamespace(model=model, orientations_of=lambda _: range(1)), card=bundle.card
    )
    values = explain(half_blind, np.full((1, SIDE, SIDE, 3), 128, np.float32), 0, "smoothgrad")
    assert values[: SIDE // 2, : SIDE // 2].mean() > 0
    assert not values[SIDE // 2 :].any()


def test_nothing_is_printed(bundle: SimpleNamespace, batch: np.ndarray, capfd: pytest.CaptureFixture[str]) -> None:
    for method in METHODS:
        explain(bundle, batch, 0, method)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("shape", "label", "method"),
    [
        ((1, SIDE, SIDE, 3), 0, "gradcam"),
        ((2, SIDE, SIDE, 3), 0, "grad-cam"),
        ((SIDE, SIDE, 3), 0, "grad-cam"),
        ((1, SIDE, SIDE, 3), LABELS, "grad-cam"),
        ((1, SIDE, SIDE, 3), -1, "grad-cam"),
    ],
)
def test_wrong_questions_are_errors(bundle: SimpleNamespace, shape: tuple, label: int, method: str) -> None:
    with pytest.raises(ValueError, match=r"must be one of|expected one picture|is not one of"):
        explain(bundle, np.zeros(shape, np.float32), label, method)

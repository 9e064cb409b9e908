"""The maps that are served in closed form are Grad-CAM: tf-keras-vis says the same, and would not of another layer."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from smear.imaging import synthetic
from smear.inference import preprocess
from smear.inference.engines import keras_engine
from smear.inference.network import Network
from smear.rendering.explain import evidence
from smear.segmentation.find import find

PICTURES = 2  # one of which the network is sure upright, and one that it is shown in every orientation


@pytest.fixture(scope="module")
def batch(shipped):
    fields = [synthetic.field(seed, kind) for seed, kind in enumerate(["leukemic", "sparse"], start=1)]
    return np.stack([preprocess.prepare(find(field), shipped.card) for field in fields])


@pytest.fixture(scope="module")
def oracle(shipped, batch):
    """Return Grad-CAM by tf-keras-vis at a layer: float (pictures, classes, h, w), not normalised, not enlarged."""

    def maps(layer, pictures=batch):
        bundle = replace(shipped, card=structs.replace(shipped.card, explanation_layer=layer))
        classes = range(len(shipped.card.labels))
        return np.stack([[evidence(bundle, one[None], label) for label in classes] for one in pictures])

    return maps


def test_maps_agree_with_tf_keras_vis_for_every_class(shipped, batch, oracle):
    shown = [len(shipped.network.orientations_of(one[None])) for one in batch]
    assert shown == [1, shipped.card.tta]
    served = shipped.network.forward(batch).maps
    assert served.shape[:2] == (PICTURES, len(shipped.card.labels))
    assert served.max() > 0.01  # two empty maps would agree as well
    np.testing.assert_allclose(served, oracle(shipped.card.explanation_layer), atol=1e-5)


def test_the_agreement_is_lost_at_a_wrong_layer(shipped, batch, oracle):
    served = shipped.network.forward(batch[:1]).maps
    assert np.abs(served - oracle("Conv_1", batch[:1])).max() > 1e-3


def test_one_picture_says_the_same_alone_and_in_a_batch(shipped, batch):
    together = shipped.network.forward(batch)
    for index in range(PICTURES):
        alone = shipped.network.forward(batch[index : index + 1])
        np.testing.assert_allclose(alone.logits, together.one(index).logits, atol=1e-4)
        np.testing.assert_allclose(alone.maps, together.one(index).maps, atol=1e-5)
        np.testing.assert_allclose(alone.features, together.one(index).features, atol=1e-4)


def test_maps_are_never_negative_and_the_device_is_named(shipped, batch):
    assert shipped.network.forward(batch).maps.min() >= 0
    assert shipped.network.device.startswith(("CPU", "GPU"))


def test_a_network_too_large_for_constants_says_the_same(shipped, batch, monkeypatch):
    monkeypatch.setattr(keras_engine, "CONSTANT", 0)
    card, ours = shipped.card, shipped.network
    engine = keras_engine.KerasEngine(ours.model, card.explanation_layer)
    large = Network(engine, card.tta, card.tta_confidence).forward(batch)
    answer = ours.forward(batch)
    np.testing.assert_allclose(answer.logits, large.logits, atol=1e-4)
    np.testing.assert_allclose(answer.maps, large.maps, atol=1e-5)
    np.testing.assert_allclose(answer.features, large.features, rtol=1e-4, atol=1e-3)

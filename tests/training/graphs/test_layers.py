"""Every kind of layer that a node is known for gives what Keras gives; others are refused, and left to TensorFlow."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from smear.artifacts import CARD, GRAPH, MODEL, BundleError
from smear.imaging import synthetic
from smear.inference.bundle import read_card
from smear.inference.engines.keras_engine import KerasEngine, closed_form, read_model
from smear.inference.engines.openvino_engine import OpenVinoEngine
from smear.inference.preprocess import prepare
from smear.segmentation.find import find
from tests.conftest import ROOT, copy_bundle
from training.graphs.layers import Graph, UnknownLayerError
from training.graphs.reading import NoGraphError, drawn, exported
from training.serving_graph import add_graph

LAYERS = keras.layers


def network(*body, classes=3, side=(24, 20)):
    """A network of these layers that ends in pooling and a dense layer, its normalisation as after some training."""
    keras.utils.set_random_seed(5)
    x = given = keras.Input((*side, 3), name="rgb")
    for layer in body:
        x = layer(x)
    x = LAYERS.Dropout(0.5)(LAYERS.GlobalAveragePooling2D()(x))
    return keras.Model(given, LAYERS.Dense(classes, name="logits")(x))


def trained(model):
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, LAYERS.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, one.shape) for one in layer.get_weights()])
    return model


BODIES = {
    "plain": [LAYERS.Rescaling(1 / 127.5, -1.0), LAYERS.Conv2D(5, 3, activation="relu")],
    "strided": [LAYERS.Normalization(mean=[90, 80, 70], variance=[9, 8, 7]), LAYERS.Conv2D(4, 3, 2, "same")],
    "mobile": [
        LAYERS.ZeroPadding2D(((0, 1), (0, 1))),
        LAYERS.DepthwiseConv2D(3, 2, depth_multiplier=2, use_bias=False),
        LAYERS.BatchNormalization(scale=False),
        LAYERS.ReLU(6.0),
    ],
    "pooled": [LAYERS.Conv2D(4, 3, groups=1, use_bias=False), LAYERS.MaxPooling2D(3, 2, "same"), LAYERS.ReLU()],
    "dilated": [LAYERS.Conv2D(4, 3, dilation_rate=2), LAYERS.BatchNormalization(center=False)],
}


@pytest.mark.parametrize("name", BODIES)
def test_a_network_answers_the_same_as_a_graph(name):
    body = BODIES[name]
    model = trained(network(*body))
    shown = np.random.default_rng(1).uniform(0, 255, (3, 24, 20, 3)).astype(np.float32)
    graph = exported(model, body[-1].name, shown)
    wanted = KerasEngine(model, body[-1].name)(shown, True)
    found = OpenVinoEngine(graph, Path(MODEL))(shown, True)
    for one, two in zip(wanted, found, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-4 * np.abs(one).max())


def test_of_pooled_neighbours_the_weights_of_the_layer_that_explains_are_taken():
    given = keras.Input((12, 12, 3))
    first = LAYERS.Conv2D(4, 3, name="first")(given)
    second = LAYERS.Conv2D(5, 3, name="second")(first)
    pooled = [LAYERS.GlobalAveragePooling2D()(one) for one in (first, second)]
    model = keras.Model(given, LAYERS.Dense(2)(LAYERS.Dropout(0.1)(LAYERS.Concatenate()(pooled))))
    kernel = model.layers[-1].get_weights()[0]
    np.testing.assert_array_equal(closed_form(model, "second"), kernel[4:])
    # The first layer goes into the second as well: its pooled values are not all that it does to the logits.
    assert closed_form(model, "first") is None


def test_what_has_no_closed_form_or_no_node_has_no_graph():
    given = keras.Input((12, 12, 3))
    x = LAYERS.GlobalAveragePooling2D()(LAYERS.Conv2D(4, 3, name="last")(given))
    with pytest.raises(NoGraphError, match="its maps need a gradient"):
        drawn(keras.Model(given, LAYERS.Dense(2)(LAYERS.Dense(6, "relu")(x))), "last")
    with pytest.raises(NoGraphError, match="of the kind UpSampling2D: no node is known"):
        drawn(network(LAYERS.Conv2D(4, 3), up := LAYERS.UpSampling2D()), up.name)
    scaled = keras.Model(given, LAYERS.GlobalAveragePooling2D()(LAYERS.Conv2D(4, 3, name="told")(given / 255)))
    with pytest.raises(UnknownLayerError, match="'told' is given what no layer gives: no node is known"):
        Graph().network(scaled)
    with pytest.raises(UnknownLayerError, match="ends in tanh"):
        Graph().layer(LAYERS.Dense(2, "tanh", name="odd"), ["x"])


def test_a_network_that_another_engine_rounds_otherwise_has_no_graph():
    """Large weights whose sums nearly cancel, as a last layer in closed form may have: what is left is rounding."""
    folder = ROOT / "models" / "leukolens-blast"
    card = read_card(folder)
    shown = np.stack([prepare(find(synthetic.field(golden.seed, golden.kind)), card) for golden in card.golden])
    with pytest.raises(NoGraphError, match="other logits"):
        exported(read_model(folder / MODEL), card.explanation_layer, shown.astype(np.float32))


def test_a_published_bundle_is_given_its_graph_and_a_damaged_one_is_refused(tmp_path):
    folder = copy_bundle(ROOT / "models" / "leukolens-differential", tmp_path, "leukolens-differential")
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    shipped = (folder / GRAPH).read_bytes()
    del card["files"][GRAPH]
    (folder / GRAPH).unlink()
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    assert add_graph(folder) == folder
    renewed = json.loads((folder / CARD).read_text(encoding="utf-8"))
    assert set(renewed["files"]) == {*card["files"], GRAPH}
    assert (folder / GRAPH).read_bytes() == shipped
    (folder / GRAPH).write_bytes(shipped[:-4])
    with pytest.raises(BundleError, match="damaged"):
        add_graph(folder)

"""The network of a bundle as an ONNX graph: logits, every label's map and the features, all from one pass."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from smear.arrays import Array
from smear.artifacts import MODEL
from smear.inference.engines.keras_engine import KerasEngine, closed_form
from smear.inference.engines.openvino_engine import OpenVinoEngine
from smear.sentence import SentenceError
from training.graphs.layers import PICTURE, Graph, UnknownLayerError

# How far the graph's answers may be from TensorFlow's, as shares of the largest value, or of 1 where that is more.
TOLERANCES = {"logits": 1e-4, "maps": 1e-3}


class NoGraphError(SentenceError):
    """A network that no graph stands for, so that TensorFlow serves it; the sentence says why."""


def exported(model: Any, explanation_layer: str, pictures: Array) -> bytes:
    """Return a Keras network as ONNX, once it has answered to `pictures` as the network does.

    The graph takes RGB, float32 (N, H, W, 3) in 0..255, as `pictures` are, and gives `logits` (N, C), `maps`
    (N, C, h, w) >= 0 and `features` (N, K), all float32, as `smear.inference.network.Forward` says. NoGraphError where
    the maps need a gradient, where the network has a layer that no node is known for, and where the answers differ.
    """
    graph = drawn(model, explanation_layer)
    wanted = KerasEngine(model, explanation_layer)(pictures, True)
    answers = OpenVinoEngine(graph, Path(MODEL))(pictures, True)
    for (what, most), expected, answer in zip(TOLERANCES.items(), wanted, answers, strict=False):
        apart = float(np.abs(expected - answer).max() / max(1.0, float(np.abs(expected).max())))
        if not apart <= most:
            raise NoGraphError(f"as a graph it gives other {what}, {apart:.1e} of the largest apart")
    return graph


def drawn(model: Any, explanation_layer: str) -> bytes:
    """Return a Keras network as ONNX, whatever it answers; NoGraphError as in `exported`."""
    weights = closed_form(model, explanation_layer)
    if weights is None:
        raise NoGraphError("its maps need a gradient")
    graph = Graph()
    try:
        tensors = graph.network(model)
    except UnknownLayerError as error:
        raise NoGraphError(str(error)) from error
    explained, dense = model.get_layer(explanation_layer), model.layers[-1]
    _, height, width, _ = explained.output.shape
    shares = graph.constant("shares_kernel", weights.T[:, :, None, None] / (height * width))
    convolved = graph.node("Conv", [tensors[id(explained.output)], shares], "shares", kernel_shape=[1, 1])
    graph.node("Relu", [convolved], "maps")
    for name, tensor in (("features", tensors[id(dense.input)]), ("logits", tensors[id(dense.output)])):
        if tensor != name:  # our own last layer is called so
            graph.node("Identity", [tensor], name)
    float32, batch = onnx.TensorProto.FLOAT, "pictures"
    rgb = helper.make_tensor_value_info(PICTURE, float32, [batch, *model.input.shape[1:]])
    classes, known = int(dense.output.shape[-1]), int(dense.input.shape[-1])
    answers = {"logits": [batch, classes], "maps": [batch, classes, height, width], "features": [batch, known]}
    return graph.model(
        "reading", rgb, [helper.make_tensor_value_info(name, float32, shape) for name, shape in answers.items()]
    )

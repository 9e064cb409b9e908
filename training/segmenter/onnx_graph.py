"""The Keras network that finds leukocytes, written down anew as an ONNX graph.

Keras' own export goes by way of TensorFlow and keeps its order of axes: such a graph turned tensors round and asked for
shapes between the convolutions, and took half as long again as this one. Here every backend can export.
"""

from typing import Any

import keras
import numpy as np
import onnx
from onnx import helper, numpy_helper

from smear.arrays import Array

OPSET, FORMAT = 17, 10  # of ONNX: years older than the runtime that reads it
MOST = 60.0  # log odds: beyond, float32 is certain, and its exponential would be infinite


def exported(model: Any) -> bytes:
    """Return a folded U-Net (`training.architectures.unet`) as ONNX.

    The graph takes white-balanced RGB, uint8 (1, H, W, 3), and gives the shares of cell, nucleus and core, float32
    (1, 3, H, W) in 0..1. ValueError where the model has a kind of layer that a folded U-Net does not have.
    """
    graph = _Graph()
    tensors: dict[int, str] = {}
    for layer in model.layers:
        given = [] if layer is model.layers[0] else [tensors[id(one)] for one in keras.tree.flatten(layer.input)]
        tensors[id(layer.output)] = graph.layer(layer, given, last=layer is model.layers[-1])
    graph.shares(model.layers[-1].name)
    float32, uint8 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8
    rgb = helper.make_tensor_value_info("rgb", uint8, [1, "height", "width", 3])
    shares = helper.make_tensor_value_info("shares", float32, [1, 3, "height", "width"])
    drawn = helper.make_graph(graph.nodes, "segmenter", [rgb], [shares], graph.constants)
    whole = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT)
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString())


class _Graph:
    """Nodes and constants of a graph that grows; every tensor is called by the node that gives it."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, given: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, given, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.array(value, np.float32, order="C"), name))
        return name

    def layer(self, layer: Any, given: list[str], last: bool) -> str:
        """Add what a Keras layer does to the tensors `given`, channels first; return its tensor."""
        kind, name = type(layer).__name__, layer.name
        if kind == "InputLayer":
            planes = self.node("Transpose", ["rgb"], "planes", perm=[0, 3, 1, 2])
            return self.node("Cast", [planes], "float_planes", to=onnx.TensorProto.FLOAT)
        if kind == "Rescaling":
            scaled = self.node("Mul", [*given, self.constant("scale_by", layer.scale)], "scaled")
            return self.node("Add", [scaled, self.constant("offset_by", layer.offset)], name)
        if kind == "Conv2D":
            return self._weighted("Conv", layer, layer.get_weights(), given, auto_pad="SAME_UPPER")
        if kind == "Conv2DTranspose":
            weights = _odds(*layer.get_weights()) if last else layer.get_weights()
            overlap = (layer.kernel_size[0] - layer.strides[0]) // 2
            return self._weighted("ConvTranspose", layer, weights, given, pads=[overlap] * 4)
        if kind in ("ReLU", "Add"):
            return self.node("Relu" if kind == "ReLU" else kind, given, name)
        raise ValueError(f"'{name}' is a layer of the kind {kind}: the graph of the segmenter knows no such layer.")

    def _weighted(self, kind: str, layer: Any, weights: list[Array], given: list[str], **attributes: Any) -> str:
        kernel = self.constant(layer.name + "_kernel", weights[0].transpose(3, 2, 0, 1))
        biases = [self.constant(layer.name + "_bias", bias) for bias in weights[1:]]
        return self.node(
            kind,
            [*given, kernel, *biases],
            layer.name,
            kernel_shape=list(layer.kernel_size),
            strides=list(layer.strides),
            **attributes,
        )

    def shares(self, odds: str) -> None:
        """Add the output `shares` to log odds (cytoplasm, nucleus, core): shares of cell, nucleus and core.

        With a and b the odds of cytoplasm and of nucleus to outside, softmax gives cell (a + b) / (1 + a + b) and
        nucleus b / (1 + a + b).
        """
        limited = self.node("Min", [odds, self.constant("most", MOST)], "limited")
        exponentials = self.node("Exp", [limited], "exponentials")
        self.nodes.append(helper.make_node("Split", [exponentials], ["cytoplasm", "nucleus", "core"], axis=1))
        one = self.constant("one", 1.0)
        either = self.node("Add", ["cytoplasm", "nucleus"], "either")
        total = self.node("Add", [either, one], "total")
        parts = [
            self.node("Div", [either, total], "share_of_cell"),
            self.node("Div", ["nucleus", total], "share_of_nucleus"),
            self.node("Div", ["core", self.node("Add", ["core", one], "core_or_not")], "share_of_core"),
        ]
        self.node("Concat", parts, "shares", axis=1)


def _odds(kernel: Array, bias: Array) -> list[Array]:
    """Return the last layer's weights so that it gives log odds to outside, for cytoplasm and nucleus, beside core.

    kernel: (h, w, 4, C), bias (4,), for `unet.OUTPUTS`; returns (h, w, 3, C) and (3,).
    """
    return [
        np.stack([kernel[:, :, 1] - kernel[:, :, 0], kernel[:, :, 2] - kernel[:, :, 0], kernel[:, :, 3]], axis=2),
        np.array([bias[1] - bias[0], bias[2] - bias[0], bias[3]]),
    ]

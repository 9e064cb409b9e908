"""The network that finds leukocytes as an ONNX graph: shares of cell, nucleus and core in place of log odds."""

from typing import Any

import numpy as np
import onnx
from onnx import helper

from smear.arrays import Array
from training.graphs.layers import PICTURE, Graph

MOST = 60.0  # log odds: beyond, float32 is certain, and its exponential would be infinite


def exported(model: Any) -> bytes:
    """Return a folded U-Net (`training.architectures.unet`) as ONNX.

    The graph takes white-balanced RGB, uint8 (1, H, W, 3), and gives the shares of cell, nucleus and core, float32
    (1, 3, H, W) in 0..1. UnknownLayerError where the model has a kind of layer that no node is known for.
    """
    graph = _Segmenter(model.layers[-1].name)
    graph.network(model)
    graph.shares()
    float32, uint8 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8
    rgb = helper.make_tensor_value_info(PICTURE, uint8, [1, "height", "width", 3])
    shares = helper.make_tensor_value_info("shares", float32, [1, 3, "height", "width"])
    return graph.model("segmenter", rgb, [shares])


class _Segmenter(Graph):
    """A graph whose last layer gives log odds to outside."""

    def __init__(self, last: str) -> None:
        super().__init__()
        self.last = last

    def _Conv2DTranspose(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802  # the kind of Keras layer
        weights = _odds(*layer.get_weights()) if layer.name == self.last else layer.get_weights()
        overlap = (layer.kernel_size[0] - layer.strides[0]) // 2
        return self.weighted("ConvTranspose", layer, weights, inputs, pads=[overlap] * 4)

    def shares(self) -> None:
        """Add the output `shares` to log odds (cytoplasm, nucleus, core): shares of cell, nucleus and core.

        With a and b the odds of cytoplasm and of nucleus to outside, softmax gives cell (a + b) / (1 + a + b) and
        nucleus b / (1 + a + b).
        """
        limited = self.node("Min", [self.last, self.constant("most", MOST)], "limited")
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

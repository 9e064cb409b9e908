"""What Keras layers do, as nodes of an ONNX graph with channels first.

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
PICTURE = "rgb"  # the input
ACTIVATIONS = {"linear": "", "relu": "Relu"}


class UnknownLayerError(ValueError):
    """A kind of layer, or a setting of one, that no node is known for; the sentence says which."""


class Graph:
    """Nodes and constants of a graph that grows; every tensor is called by the node that gives it."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add a node and return the tensor that it gives."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: Any, kind: Any = np.float32) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.array(value, kind, order="C"), name))
        return name

    def network(self, model: Any) -> dict[int, str]:
        """Add every layer of a Keras model; return the tensor of each layer's output, by the identity of the latter.

        UnknownLayerError where there is a layer that this graph has no node for.
        """
        tensors: dict[int, str] = {}
        for layer in model.layers:
            sources = [] if layer is model.layers[0] else keras.tree.flatten(layer.input)
            if any(id(source) not in tensors for source in sources):
                raise UnknownLayerError(f"'{layer.name}' is given what no layer gives: no node is known.")
            tensors[id(layer.output)] = self.layer(layer, [tensors[id(source)] for source in sources])
        return tensors

    def layer(self, layer: Any, inputs: list[str]) -> str:
        """Add what a Keras layer does to the tensors `inputs`, channels first; return its tensor."""
        add = getattr(self, f"_{type(layer).__name__}", None)
        if add is None:
            raise UnknownLayerError(f"'{layer.name}' is a layer of the kind {type(layer).__name__}: no node is known.")
        return str(add(layer, inputs))

    def weighted(self, kind: str, layer: Any, weights: list[Array], inputs: list[str], **attributes: Any) -> str:
        """Add a convolution; weights: its kernel (h, w, ...), and its bias where it has one."""
        kernel = self.constant(layer.name + "_kernel", weights[0].transpose(3, 2, 0, 1))
        biases = [self.constant(layer.name + "_bias", bias) for bias in weights[1:]]
        activation = ACTIVATIONS.get(layer.activation.__name__)
        if activation is None:
            raise UnknownLayerError(f"'{layer.name}' ends in {layer.activation.__name__}: no node is known.")
        output = self.node(
            kind,
            [*inputs, kernel, *biases],
            layer.name + "_linear" if activation else layer.name,
            kernel_shape=list(layer.kernel_size),
            strides=list(layer.strides),
            **attributes,
        )
        return self.node(activation, [output], layer.name) if activation else output

    def model(self, name: str, pictures: Any, answers: list[Any]) -> bytes:
        """Return the graph as ONNX, after checking it; pictures, answers: tensors with their kinds and shapes."""
        drawn = helper.make_graph(self.nodes, name, [pictures], answers, self.constants)
        whole = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT)
        onnx.checker.check_model(whole)
        return bytes(whole.SerializeToString())

    def _InputLayer(self, _layer: Any, _inputs: list[str]) -> str:  # noqa: N802  # the kind of Keras layer
        planes = self.node("Transpose", [PICTURE], "planes", perm=[0, 3, 1, 2])
        return self.node("Cast", [planes], "float_planes", to=onnx.TensorProto.FLOAT)

    def _affine(self, name: str, inputs: list[str], scale: Any, offset: Any) -> str:
        scaled = self.node("Mul", [*inputs, self.constant(f"{name}_scale", scale)], f"{name}_scaled")
        return self.node("Add", [scaled, self.constant(f"{name}_offset", offset)], name)

    def _Rescaling(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        return self._affine(layer.name, inputs, layer.scale, layer.offset)

    def _Normalization(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        mean, variance = (np.asarray(part, np.float64) for part in (layer.mean, layer.variance))
        if layer.invert or mean.size != mean.shape[-1]:
            raise UnknownLayerError(f"'{layer.name}' does not normalise by channel: no node is known.")
        deviation = np.maximum(np.sqrt(variance), keras.backend.epsilon())
        scale, offset = (value.reshape(-1, 1, 1) for value in (1 / deviation, -mean / deviation))
        return self._affine(layer.name, inputs, scale, offset)

    def _Conv2D(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        return self.weighted("Conv", layer, layer.get_weights(), inputs, **_moved(layer), group=layer.groups)

    def _DepthwiseConv2D(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        kernel, *bias = layer.get_weights()
        height, width, channels, times = kernel.shape
        apart = kernel.reshape(height, width, 1, channels * times)
        return self.weighted("Conv", layer, [apart, *bias], inputs, **_moved(layer), group=channels)

    def _BatchNormalization(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        mean, variance = (np.asarray(part) for part in (layer.moving_mean, layer.moving_variance))
        scale = np.asarray(layer.gamma) if layer.scale else np.ones_like(mean)
        shift = np.asarray(layer.beta) if layer.center else np.zeros_like(mean)
        parts = {"scale": scale, "shift": shift, "mean": mean, "variance": variance}
        names = [self.constant(f"{layer.name}_{part}", value) for part, value in parts.items()]
        return self.node("BatchNormalization", [*inputs, *names], layer.name, epsilon=layer.epsilon)

    def _ReLU(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        if layer.negative_slope or layer.threshold:
            raise UnknownLayerError(f"'{layer.name}' is no plain ReLU: no node is known.")
        if layer.max_value is None:
            return self.node("Relu", inputs, layer.name)
        ends = [self.constant(f"{layer.name}_{end}", value) for end, value in (("low", 0), ("high", layer.max_value))]
        return self.node("Clip", [*inputs, *ends], layer.name)

    def _ZeroPadding2D(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        (top, bottom), (left, right) = layer.padding
        pads = self.constant(f"{layer.name}_pads", [0, 0, top, left, 0, 0, bottom, right], np.int64)
        return self.node("Pad", [*inputs, pads], layer.name)

    def _MaxPooling2D(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        shape = {"kernel_shape": list(layer.pool_size), "strides": list(layer.strides)}
        return self.node("MaxPool", inputs, layer.name, **shape, auto_pad=_padded(layer))

    def _GlobalAveragePooling2D(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        pooled = self.node("GlobalAveragePool", inputs, f"{layer.name}_pooled")
        return self.node("Flatten", [pooled], layer.name)

    def _Dropout(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        return self.node("Identity", inputs, layer.name)

    def _Add(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        return self.node("Add" if len(inputs) == 2 else "Sum", inputs, layer.name)

    def _Concatenate(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        return self.node("Concat", inputs, layer.name, axis=1)  # of channels first, and of features

    def _Dense(self, layer: Any, inputs: list[str]) -> str:  # noqa: N802
        if layer.activation.__name__ != "linear":
            raise UnknownLayerError(f"'{layer.name}' ends in {layer.activation.__name__}: no node is known.")
        kernel, *bias = layer.get_weights()
        weights = self.constant(f"{layer.name}_kernel", kernel)
        biases = [self.constant(f"{layer.name}_bias", values) for values in bias]
        return self.node("Gemm", [*inputs, weights, *biases], layer.name)


def _padded(layer: Any) -> str:
    return "SAME_UPPER" if layer.padding == "same" else "VALID"


def _moved(layer: Any) -> dict[str, Any]:
    """Return how a convolution moves over the picture."""
    return {"auto_pad": _padded(layer), "dilations": list(layer.dilation_rate)}

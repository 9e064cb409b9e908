"""A network's ONNX graph (`training.graphs.reading`), run by OpenVINO: the same answers, in the least time on a CPU.

It needs no TensorFlow, whose import alone takes seconds and hundreds of megabytes.
"""

import sys
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference.engines import keras_engine
from smear.inference.engines.engine import Answers, UnsuitableModelError

OUTPUTS = ("logits", "maps", "features")
PLAN = {
    "INFERENCE_PRECISION_HINT": "f32",  # what was measured: bfloat16, where a processor has it, is another network
    "PERFORMANCE_HINT": "LATENCY",
    "ENABLE_CPU_PINNING": "NO",  # two processes, each bound to the same cores, wait for each other
}


class OpenVinoEngine:
    """The forward pass of a graph, in a file or as it is; `keras_file`: the same network in Keras."""

    device = "CPU"

    def __init__(self, graph: Path | bytes, keras_file: Path) -> None:
        # OpenVINO's own tools come with it, and they would write an identity into the home folder to tell their maker
        # what they are used for. Without the module that does so they go without.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
        import openvino  # not before a network is loaded

        core = openvino.Core()
        read = core.read_model(graph)
        names = {name for output in read.outputs for name in output.names}
        if len(read.inputs) != 1 or not names.issuperset(OUTPUTS) or len(read.input().partial_shape) != 4:
            raise UnsuitableModelError("The graph has other inputs or outputs than a network that reads.")
        height, width, planes = (read.input().partial_shape[axis].get_length() for axis in (1, 2, 3))
        self.input_shape: tuple[int, int, int] = height, width, planes
        self.classes: int = read.output("logits").partial_shape[1].get_length()
        self._compiled = core.compile_model(read, self.device, PLAN)
        self._keras_file = keras_file
        self._own = threading.local()  # a request answers to one thread at a time

    @cached_property
    def model(self) -> Any:
        """The network in Keras, read when it is first asked for."""
        return keras_engine.read_model(self._keras_file)

    def __call__(self, pictures: Array, maps: bool) -> Answers:  # noqa: ARG002  # maps come for nothing
        """Return what the network answers to `pictures`, RGB, float32 (N, H, W, 3) in 0..255."""
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        outputs = self._own.request.infer({0: np.ascontiguousarray(pictures, np.float32)})
        logits, grids, features = (outputs[name] for name in OUTPUTS)
        return logits, grids, features

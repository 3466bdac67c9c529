"""Graphs of OpenVINO for the networks of speakers, where that is installed.

Knows nothing about what they compute.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Node = Any
"""OpenVINO carries no types, hence Any for its nodes."""


class Compiled:
    """A graph with one output, for several threads at a time: as many run as there are streams."""

    def __init__(self, output: Node, inputs: list[Node], streams: int, precision: str) -> None:
        settings = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            "INFERENCE_PRECISION_HINT": precision,
            "ENABLE_CPU_PINNING": False,
            # what is kept for every size that was met is not worth its memory
            "CPU_RUNTIME_CACHE_CAPACITY": 0,
        }
        model = openvino.Model([output], inputs, "speakers")
        self._graph: Any = openvino.Core().compile_model(model, "CPU", settings)
        self._own = threading.local()

    def run(self, *inputs: F32) -> F32:
        if not hasattr(self._own, "request"):
            self._own.request = self._graph.create_infer_request()
        self._own.request.infer(list(inputs), share_inputs=True)
        return np.array(self._own.request.get_output_tensor().data)


def precision() -> str:
    """The quickest number format in which the processor multiplies."""
    found = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in found else "f32"

"""The LSTM layers of the segmentation as an OpenVINO graph, where that is installed.

Knows nothing about audio. It gives the numbers of `lstm` to within 1e-4, in less time. Any number
of threads may call it; as many run at a time as there are streams.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13

from auricle.speakers.lstm import LAYERS

F32 = NDArray[np.float32]
Node = Any

op: Any = opset13
"""OpenVINO carries no types, hence Any for its nodes."""

_AT_ONCE = 8
"""Chunks in the LSTM at one time: more are no quicker, and take 6 MB each."""


class _Compiled:
    """A graph with one output, for several threads at a time."""

    def __init__(self, output: Node, inputs: list[Node], streams: int) -> None:
        settings = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            "INFERENCE_PRECISION_HINT": "f32",
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


class Lstm:
    """All LSTM layers, as `lstm.Lstm`."""

    def __init__(self, weights: Mapping[str, F32], streams: int = 1) -> None:
        n_in = weights["lstm.weight_ih_l0"].shape[1]
        given = op.parameter([-1, -1, n_in], np.float32)
        batch = op.gather(op.shape_of(given), op.constant([0]), op.constant(0))
        length = op.gather(op.shape_of(given), op.constant([1]), op.constant(0))
        x = given
        for i in range(LAYERS):
            x = _lstm_layer(x, weights, i, batch, op.broadcast(length, batch))
        self._compiled = _Compiled(x, [given], streams)

    def __call__(self, x: F32) -> F32:
        chunks = np.ascontiguousarray(x.transpose(1, 0, 2))
        parts = [
            self._compiled.run(chunks[i : i + _AT_ONCE]) for i in range(0, len(chunks), _AT_ONCE)
        ]
        return np.concatenate(parts).transpose(1, 0, 2)


def _lstm_layer(x: Node, weights: Mapping[str, F32], i: int, batch: Node, lengths: Node) -> Node:
    """``(batch, n_frames, n_in)`` → ``(batch, n_frames, 2 n)``."""
    n = weights[f"lstm.weight_hh_l{i}"].shape[1]
    order = np.r_[n : 2 * n, 0:n, 2 * n : 4 * n]  # forget, input, cell, output

    def both(name: str) -> F32:
        ways = (f"l{i}", f"l{i}_reverse")
        return np.stack([weights[f"lstm.{name}_{way}"][order] for way in ways])

    shape = op.concat([batch, op.constant([2, n])], 0)
    zeros = op.broadcast(op.constant(np.float32(0)), shape)
    matrices = (op.constant(both("weight_ih")), op.constant(both("weight_hh")))
    bias = op.constant(both("bias_ih") + both("bias_hh"))
    sequence = op.lstm_sequence(x, zeros, zeros, lengths, *matrices, bias, n, "bidirectional")
    side_by_side = op.transpose(sequence.output(0), op.constant([0, 2, 1, 3]))
    return op.reshape(side_by_side, op.constant([0, 0, 2 * n]), True)

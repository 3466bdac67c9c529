"""The LSTM layers of the segmentation as an OpenVINO graph, where that is installed.

Knows nothing about audio. It gives the numbers of `lstm` to within 1e-4, in less time. Any number
of threads may call it; as many run at a time as there are streams.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from openvino import opset13

from auricle.speakers.compiled import F32, Compiled, Node
from auricle.speakers.lstm import LAYERS

op: Any = opset13

_AT_ONCE = 4
"""Chunks in the LSTM at one time: more are no quicker, and take 6 MB each."""


class Lstm:
    """All LSTM layers, as `lstm.Lstm`."""

    def __init__(self, weights: Mapping[str, F32], streams: int, precision: str) -> None:
        n_in = weights["lstm.weight_ih_l0"].shape[1]
        given = op.parameter([-1, -1, n_in], np.float32)
        batch = op.gather(op.shape_of(given), op.constant([0]), op.constant(0))
        length = op.gather(op.shape_of(given), op.constant([1]), op.constant(0))
        x = given
        for i in range(LAYERS):
            x = _lstm_layer(x, weights, i, batch, op.broadcast(length, batch))
        self._compiled = Compiled(x, [given], streams, precision)

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
        directions = (f"l{i}", f"l{i}_reverse")
        return np.stack([weights[f"lstm.{name}_{direction}"][order] for direction in directions])

    shape = op.concat([batch, op.constant([2, n])], 0)
    zeros = op.broadcast(op.constant(np.float32(0)), shape)
    matrices = (op.constant(both("weight_ih")), op.constant(both("weight_hh")))
    bias = op.constant(both("bias_ih") + both("bias_hh"))
    sequence = op.lstm_sequence(x, zeros, zeros, lengths, *matrices, bias, n, "bidirectional")
    side_by_side = op.transpose(sequence.output(0), op.constant([0, 2, 1, 3]))
    return op.reshape(side_by_side, op.constant([0, 0, 2 * n]), True)

"""Long short-term memory in both directions, in numpy: the costliest part of the segmentation.

Knows nothing about audio. Weights are named as PyTorch's checkpoints have them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

MakeLstm = Callable[[Mapping[str, F32]], Callable[[F32], F32]]
"""From weights to what runs all layers: ``(n_frames, batch, n_in)`` → ``(n_frames, batch, 2 n)``.
Raises KeyError for a weight that is missing."""

LAYERS = 4

_BLOCK = 16
"""Frames whose input a layer takes in at a time."""


class Lstm:
    """The layers, one after the other."""

    def __init__(self, weights: Mapping[str, F32]) -> None:
        self._layers = [_Layer(weights, i) for i in range(LAYERS)]

    def __call__(self, x: F32) -> F32:
        """``(n_frames, batch, n_in)`` → ``(n_frames, batch, 2 n)``: forward, then backward."""
        for layer in self._layers:
            x = layer.run(x)
        return x


class _Layer:
    """One LSTM layer, both directions side by side."""

    def __init__(self, weights: Mapping[str, F32], index: int) -> None:
        # One tanh serves all four gates, since sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: put the
        # three sigmoid gates first (input, forget, output; then the cell) and halve them.
        n = weights[f"lstm.weight_hh_l{index}"].shape[1]
        order = np.r_[0 : 2 * n, 3 * n : 4 * n, 2 * n : 3 * n]
        scale = np.r_[np.full(3 * n, 0.5), np.ones(n)].astype(np.float32)
        self._n = n
        directions = [f"l{index}", f"l{index}_reverse"]

        def both(name: str) -> F32:
            return np.stack(
                [weights[f"lstm.{name}_{direction}"][order].T * scale for direction in directions]
            )

        self._from_input = both("weight_ih")
        self._from_hidden = both("weight_hh")
        self._bias = both("bias_ih") + both("bias_hh")

    def run(self, x: F32) -> F32:
        """``(n_frames, batch, n_in)`` → ``(n_frames, batch, 2 n)``: forward, then backward.

        What comes from the input is computed for a few frames at a time, so that it is still in
        the processor's cache when its turn comes.
        """
        n_frames, batch, _ = x.shape
        n = self._n
        result = np.empty((n_frames, batch, 2 * n), np.float32)
        inputs = np.empty((_BLOCK, 2, batch, 4 * n), np.float32)
        hidden = np.zeros((2, batch, n), np.float32)
        cell = np.zeros((2, batch, n), np.float32)
        gates = np.empty((2, batch, 4 * n), np.float32)
        for first in range(0, n_frames, _BLOCK):
            last = min(first + _BLOCK, n_frames)
            self._take_in(x[first:last], 0, inputs)
            self._take_in(x[n_frames - last : n_frames - first][::-1], 1, inputs)
            for i in range(first, last):
                np.matmul(hidden, self._from_hidden, out=gates)
                gates += inputs[i - first]
                _step(gates, cell, hidden)
                result[i, :, :n] = hidden[0]
                result[n_frames - 1 - i, :, n:] = hidden[1]
        return result

    def _take_in(self, x: F32, direction: int, inputs: F32) -> None:
        """What the gates get from the input of a few frames, in their order."""
        found = x.reshape(-1, x.shape[-1]) @ self._from_input[direction]
        found += self._bias[direction]
        inputs[: len(x), direction] = found.reshape(len(x), x.shape[1], -1)


def _step(gates: F32, cell: F32, hidden: F32) -> None:
    """One frame: ``gates`` are used up, ``cell`` and ``hidden`` become those after it."""
    n = cell.shape[-1]
    np.tanh(gates, out=gates)
    sigmoids = gates[..., : 3 * n]
    sigmoids *= 0.5
    sigmoids += 0.5
    cell *= gates[..., n : 2 * n]
    cell += np.multiply(gates[..., :n], gates[..., 3 * n :], out=hidden)
    np.tanh(cell, out=hidden)
    hidden *= gates[..., 2 * n : 3 * n]

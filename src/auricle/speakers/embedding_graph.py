"""The embedding network as an OpenVINO graph that takes a line of several stretches at a time.

Knows nothing about audio. It gives the numbers of `embedding`; where the processor multiplies in
bfloat16, to within what that rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from openvino import opset13

from auricle.speakers import packing
from auricle.speakers.compiled import F32, Compiled, Node
from auricle.speakers.embedding import BLOCKS, DIMENSIONS, RESIDUALS, Normal, folded
from auricle.speakers.features import N_MELS

op: Any = opset13

_HALF = packing.LINE // 2


class Embedding:
    """As `embedding.Embedding`, for stretches of at most `packing.LINE` frames."""

    def __init__(self, tensors: Mapping[str, F32], streams: int, precision: str) -> None:
        inputs = _Inputs()
        x = _image(tensors, inputs.features, inputs.inside)
        x = op.reshape(x, op.constant([1, -1, 1, packing.LINE]), False)
        weight, bias = folded(tensors, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm")
        x = op.relu(_convolved(x, weight[:, :, None], bias, strides=(1, 2), pads=(0, 2)))
        for i, (n_layers, dilation) in enumerate(BLOCKS, 1):
            for j in range(1, n_layers + 1):
                added = _dense(tensors, f"xvector.block{i}.tdnnd{j}", dilation, x, inputs)
                x = op.concat([x, added], 1)
            x = _rectified(x, tensors, f"xvector.transit{i}.nonlinear.batchnorm")
            x = _convolved(x, tensors[f"xvector.transit{i}.linear.weight"][..., None])
        x = _rectified(x, tensors, "xvector.out_nonlinear.batchnorm")
        self._compiled = Compiled(_summary(tensors, x, inputs), inputs.all, streams, precision)

    def embed_all(self, stretches: Sequence[F32]) -> F32:
        """As `embedding.Embedding.embed_all`."""
        found = np.empty((len(stretches), DIMENSIONS), np.float32)
        for places in packing.lines([len(each) for each in stretches]):
            frames = [stretches[place] - stretches[place].mean(0) for place in places]
            line = packing.packed(frames)
            rows = self._compiled.run(
                np.ascontiguousarray(line.features.T)[None, None],
                line.inside[None, None, None],
                line.inside[None, None, None, ::2].copy(),
                line.means,
                line.members,
                line.pieces,
                line.in_piece,
                line.spread[:, None],
            )[: len(places)]
            found[places] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return found


class _Inputs:
    def __init__(self) -> None:
        self.all: list[Node] = []
        self.features = self._add(1, 1, N_MELS, packing.LINE)
        self.inside = self._add(1, 1, 1, packing.LINE)
        self.half = self._add(1, 1, 1, _HALF)
        self.means = self._add(packing.MOST, _HALF)
        self.members = self._add(_HALF, packing.MOST)
        self.pieces = self._add(packing.MOST_PIECES, _HALF)
        self.in_piece = self._add(_HALF, packing.MOST_PIECES)
        self.spread = self._add(packing.MOST, 1)

    def _add(self, *shape: int) -> Node:
        self.all.append(op.parameter(list(shape), np.float32))
        return self.all[-1]


def _image(tensors: Mapping[str, F32], x: Node, inside: Node) -> Node:
    """The residual network over bands and time: ``(1, 1, 80, n)`` → ``(1, 32, 10, n)``."""

    def layer(x: Node, name: str, norm: str, stride: int) -> Node:
        weight, bias = folded(tensors, f"head.{name}", f"head.{norm}")
        return _convolved(x, weight, bias, strides=(stride, 1), pads=(1, 1))

    def ended(x: Node) -> Node:
        return op.multiply(op.relu(x), inside)

    x = ended(layer(x, "conv1", "bn1", 1))
    for stage in RESIDUALS:
        for name, stride in stage:
            around = x
            if stride > 1:
                weight, bias = folded(tensors, f"head.{name}.shortcut.0", f"head.{name}.shortcut.1")
                around = _convolved(x, weight, bias, strides=(stride, 1))
            y = ended(layer(x, f"{name}.conv1", f"{name}.bn1", stride))
            x = ended(op.add(layer(y, f"{name}.conv2", f"{name}.bn2", 1), around))
    return ended(layer(x, "conv2", "bn2", 2))


def _dense(tensors: Mapping[str, F32], name: str, dilation: int, x: Node, inputs: _Inputs) -> Node:
    """A dense time-delay layer with its context-aware mask: ``(1, 32, 1, n)``."""
    weight, bias = folded(tensors, f"{name}.linear1", f"{name}.nonlinear2.batchnorm")
    x = _rectified(x, tensors, f"{name}.nonlinear1.batchnorm")
    x = op.multiply(op.relu(_convolved(x, weight[..., None], bias)), inputs.half)
    cam = f"{name}.cam_layer"
    local = tensors[f"{cam}.linear_local.weight"][:, :, None]
    y = _convolved(x, local, pads=(0, dilation), dilations=(1, dilation))
    flat = op.reshape(x, op.constant([-1, _HALF]), False)
    context = op.matmul(inputs.pieces, flat, False, True)
    for i in (1, 2):
        weight = tensors[f"{cam}.linear{i}.weight"][:, :, 0]
        context = op.matmul(context, op.constant(weight), False, True)
        context = op.add(context, op.constant(tensors[f"{cam}.linear{i}.bias"]))
        context = op.relu(context) if i == 1 else op.sigmoid(context)
    mask = op.matmul(context, inputs.in_piece, True, True)
    return op.multiply(y, op.reshape(mask, op.constant([1, -1, 1, _HALF]), False))


def _summary(tensors: Mapping[str, F32], x: Node, inputs: _Inputs) -> Node:
    """Mean and deviation over each stretch, through the last layer: ``(40, 192)``."""
    flat = op.reshape(x, op.constant([-1, _HALF]), False)
    mean = op.matmul(inputs.means, flat, False, True)
    rest = op.subtract(flat, op.matmul(mean, inputs.members, True, True))
    squares = op.matmul(inputs.means, op.multiply(rest, rest), False, True)
    both = op.concat([mean, op.sqrt(op.multiply(squares, inputs.spread))], 1)
    weight, bias = folded(tensors, "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm")
    dense = op.matmul(both, op.constant(weight[:, :, 0].copy()), False, True)
    return op.add(dense, op.constant(bias))


def _rectified(x: Node, tensors: Mapping[str, F32], name: str) -> Node:
    normal = Normal.of(tensors, name)
    scale, shift = (op.constant(each[None, :, None, None]) for each in (normal.scale, normal.shift))
    return op.relu(op.add(op.multiply(x, scale), shift))


def _convolved(
    x: Node,
    weight: F32,
    bias: F32 | None = None,
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int] = (0, 0),
    dilations: tuple[int, int] = (1, 1),
) -> Node:
    kernel = op.constant(np.ascontiguousarray(weight, np.float32))
    found = op.convolution(x, kernel, list(strides), list(pads), list(pads), list(dilations))
    if bias is None:
        return found
    return op.add(found, op.constant(bias[None, :, None, None]))

"""The costly parts of both networks as OpenVINO graphs, where that is installed.

Knows nothing about audio. They give the numbers of `lstm` and `embedding` to within 1e-4, in about
two thirds of the time. Any number of threads may call them; as many run at a time as there are
streams.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13

from auricle.speakers.embedding import BLOCKS, RESIDUALS, SEGMENT, MakeFrames, Normal, folded
from auricle.speakers.lstm import LAYERS, MakeLstm

F32 = NDArray[np.float32]
Node = Any

op: Any = opset13
"""OpenVINO carries no types, hence Any for its nodes."""

_N_MELS = 80


def parts(streams: int) -> tuple[MakeLstm, MakeFrames]:
    """What makes both parts, for up to ``streams`` threads at a time."""
    return partial(Lstm, streams=streams), partial(Frames, streams=streams)


class _Compiled:
    """A graph with one output, for several threads at a time."""

    def __init__(self, output: Node, inputs: list[Node], streams: int) -> None:
        settings = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,
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
        found = self._compiled.run(np.ascontiguousarray(x.transpose(1, 0, 2)))
        return found.transpose(1, 0, 2)


class Frames:
    """All layers of the embedding but the last, as `embedding` has them."""

    def __init__(self, tensors: Mapping[str, F32], streams: int = 1) -> None:
        given = op.parameter([1, 1, _N_MELS, -1], np.float32)
        means = op.parameter([-1, -1], np.float32)
        back = op.parameter([-1, -1], np.float32)
        x = _image(given, tensors)
        weight, bias = folded(tensors, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm")
        x = op.relu(_convolved(x, weight, bias, [2], [2]))
        for number, (n_layers, dilation) in enumerate(BLOCKS, 1):
            for i in range(1, n_layers + 1):
                name = f"xvector.block{number}.tdnnd{i}"
                added = _dense(x, tensors, name, dilation, means, back)
                x = op.concat([x, added], 1)
            name = f"xvector.transit{number}"
            x = _rectified(x, Normal.of(tensors, f"{name}.nonlinear.batchnorm"))
            x = _convolved(x, tensors[f"{name}.linear.weight"], None, [1], [0])
        self._compiled = _Compiled(x, [given, means, back], streams)

    def __call__(self, x: F32) -> F32:
        n = (len(x) - 1) // 2 + 1
        of = np.arange(n) // SEGMENT
        back = np.asarray(of == np.arange(of[-1] + 1)[:, None], np.float32)
        means = back / back.sum(1, keepdims=True) + np.float32(1 / n)
        image = np.ascontiguousarray(x.T)[None, None]
        found = self._compiled.run(image, np.ascontiguousarray(means.T), back)
        return np.ascontiguousarray(found[0].T)


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


def _image(x: Node, tensors: Mapping[str, F32]) -> Node:
    """The residual network over bands and time: ``(1, 1, 80, n_frames)`` →
    ``(1, 320, n_frames)``."""

    def convolution(x: Node, name: str, norm: str, stride: int) -> Node:
        weight, bias = folded(tensors, f"head.{name}", f"head.{norm}")
        return _convolved(x, weight, bias, [stride, 1], [weight.shape[2] // 2] * 2)

    x = op.relu(convolution(x, "conv1", "bn1", 1))
    for name, stride in (each for stage in RESIDUALS for each in stage):
        around = x
        if stride > 1:
            around = convolution(x, f"{name}.shortcut.0", f"{name}.shortcut.1", stride)
        x = op.relu(convolution(x, f"{name}.conv1", f"{name}.bn1", stride))
        x = op.relu(op.add(convolution(x, f"{name}.conv2", f"{name}.bn2", 1), around))
    x = op.relu(convolution(x, "conv2", "bn2", 2))
    return op.reshape(x, op.constant([1, 320, -1]), False)


def _dense(
    x: Node, tensors: Mapping[str, F32], name: str, dilation: int, means: Node, back: Node
) -> Node:
    """A dense time-delay layer with its context-aware mask; ``means`` are those over the whole and
    over each segment, ``back`` leads from segments to their frames."""
    x = _rectified(x, Normal.of(tensors, f"{name}.nonlinear1.batchnorm"))
    weight, bias = folded(tensors, f"{name}.linear1", f"{name}.nonlinear2.batchnorm")
    x = op.relu(_convolved(x, weight, bias, [1], [0]))
    cam = f"{name}.cam_layer"
    local = _convolved(x, tensors[f"{cam}.linear_local.weight"], None, [1], [dilation], dilation)
    context = op.matmul(x, means, False, False)
    for layer, function in (("linear1", op.relu), ("linear2", op.sigmoid)):
        weight, bias = tensors[f"{cam}.{layer}.weight"], tensors[f"{cam}.{layer}.bias"]
        context = function(_convolved(context, weight, bias, [1], [0]))
    return op.multiply(local, op.matmul(context, back, False, False))


def _rectified(x: Node, normal: Normal) -> Node:
    scaled = op.multiply(x, op.constant(normal.scale.reshape(1, -1, 1)))
    return op.relu(op.add(scaled, op.constant(normal.shift.reshape(1, -1, 1))))


def _convolved(
    x: Node, weight: F32, bias: F32 | None, stride: list[int], padding: list[int], dilation: int = 1
) -> Node:
    dilations = [dilation] * len(stride)
    weights = op.constant(np.ascontiguousarray(weight))
    x = op.convolution(x, weights, stride, padding, padding, dilations)
    if bias is None:
        return x
    return op.add(x, op.constant(bias.reshape(1, -1, *[1] * len(stride))))

"""The parts that encoder and decoder have in common, as nodes of an OpenVINO graph.

Knows nothing about Whisper beyond its layers: normalised, projected, added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13

from auricle.models.weights import Weights

op: Any = opset13
"""OpenVINO carries no types, hence Any for its nodes."""

Node = Any
Floats = NDArray[np.float32]

MASKED = np.float32(-1e30)
"""Stands for minus infinity, of which sums and differences stay finite."""


def constant(values: Any, dtype: Any = None) -> Node:
    """Numbers that are part of the graph."""
    array = np.asarray(values, dtype)
    return op.constant(np.ascontiguousarray(array) if array.ndim else array)


def integers(*values: int) -> Node:
    """A list of int64, as shapes and axes are."""
    return constant(values, np.int64)


def matrix(values: Floats, *, is_int8: bool) -> Node:
    """Weights ``(n_out, n_in)``: as they are, or as int8 with a scale for each row."""
    if not is_int8:
        return constant(values, np.float32)
    scale = np.abs(values).max(axis=1, keepdims=True) / np.float32(127)
    scale[scale == 0] = 1
    rounded = np.rint(values / scale).astype(np.int8)
    return op.multiply(op.convert(constant(rounded), "f32"), constant(scale, np.float32))


def product(x: Node, values: Floats, bias: Floats | None, *, is_int8: bool) -> Node:
    """``x`` times the transposed weights, and the bias."""
    y = op.matmul(x, matrix(values, is_int8=is_int8), False, True)
    return y if bias is None else op.add(y, constant(bias, np.float32))


def norm(x: Node, weights: Weights, name: str) -> Node:
    """Layer normalisation."""
    y = op.mvn(x, integers(-1), True, 1e-5, "inside_sqrt")
    scaled = op.multiply(y, constant(weights[f"{name}/gamma"]))
    return op.add(scaled, constant(weights[f"{name}/beta"]))


def feed_forward(x: Node, weights: Weights, name: str, *, is_int8: bool) -> Node:
    """The second half of a layer, added to what comes in."""
    y = norm(x, weights, f"{name}/layer_norm")
    wide = _linear(y, weights, f"{name}/linear_0", is_int8=is_int8)
    y = _linear(op.gelu(wide, "erf"), weights, f"{name}/linear_1", is_int8=is_int8)
    return op.add(x, y)


def output_projection(x: Node, attended: Node, weights: Weights, name: str, is_int8: bool) -> Node:
    """What attention found, projected and added to what came in."""
    return op.add(x, _linear(attended, weights, name, is_int8=is_int8))


def by_head(x: Node, n_heads: int, head_width: int) -> Node:
    """``(batch, time, width)`` as ``(batch, head, time, head_width)``."""
    split = op.reshape(x, integers(0, 0, n_heads, head_width), True)
    return op.transpose(split, integers(0, 2, 1, 3))


def joined_heads(x: Node, width: int) -> Node:
    """The reverse of `by_head`."""
    return op.reshape(op.transpose(x, integers(0, 2, 1, 3)), integers(0, 0, width), True)


def named(node: Node, name: str) -> Node:
    """The node as a result of the graph, known by ``name``."""
    result = op.result(node)
    result.output(0).set_names({name})
    return result


def parameter(name: str, shape: tuple[int, ...], dtype: Any) -> Node:
    """An input of the graph; -1 is a length that may change."""
    found = op.parameter(openvino.PartialShape(list(shape)), dtype, name=name)
    found.output(0).set_names({name})
    return found


def _linear(x: Node, weights: Weights, name: str, *, is_int8: bool) -> Node:
    return product(x, weights[f"{name}/weight"], weights[f"{name}/bias"], is_int8=is_int8)

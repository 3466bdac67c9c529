"""The encoder as an OpenVINO graph: mel features in, keys and values of cross-attention out.

Knows nothing about how it is compiled or run. The encoder's output itself is wanted by nobody: the
decoder sees it through the keys and values of its layers alone, so these are made once, here, and
not again by every search.
"""

from __future__ import annotations

import numpy as np
import openvino

from auricle.engine.openvino import graph
from auricle.engine.openvino.graph import Node, integers, op
from auricle.engine.openvino.shape import Dimensions, Formats
from auricle.models.weights import Weights


def build(weights: Weights, size: Dimensions, formats: Formats) -> openvino.Model:
    """``mel`` ``(1, n_mels, n_frames) float32`` to ``k0`` and ``v0``
    ``(1, n_heads, n_states, head_width)`` and those of the decoder's other layers; the last two
    dimensions of keys are swapped unless ``formats.keys_by_state``."""
    mel = graph.parameter("mel", (1, size.n_mels, -1), np.float32)
    x = _convolved(mel, weights)
    x = op.add(x, _positions(x, weights))
    for i in range(size.n_encoder_layers):
        name = f"encoder/layer_{i}"
        x = _self_attention(x, weights, f"{name}/self_attention", size, formats.encoder_int8)
        x = graph.feed_forward(x, weights, f"{name}/ffn", is_int8=formats.encoder_int8)
    x = graph.norm(x, weights, "encoder/layer_norm")
    results = [
        result
        for i in range(size.n_decoder_layers)
        for result in _keys_and_values(x, weights, i, size, formats)
    ]
    return openvino.Model(results, [mel], "encoder")


def _convolved(x: Node, weights: Weights) -> Node:
    """``(1, n_states, width)``: two convolutions over time, the second of which halves it."""
    for name, stride in (("conv1", 1), ("conv2", 2)):
        kernel = graph.constant(weights[f"encoder/{name}/weight"])
        bias = graph.constant(weights[f"encoder/{name}/bias"][None, :, None])
        x = op.gelu(op.add(op.convolution(x, kernel, [stride], [1], [1], [1]), bias), "erf")
    return op.transpose(x, integers(0, 2, 1))


def _positions(x: Node, weights: Weights) -> Node:
    """The position encodings of as many states as there are."""
    table = graph.constant(weights["encoder/position_encodings/encodings"])
    n_states = op.gather(op.shape_of(x), integers(1), graph.constant(0, np.int64))
    return op.slice(table, integers(0), n_states, integers(1), integers(0))


def _self_attention(x: Node, weights: Weights, name: str, size: Dimensions, is_int8: bool) -> Node:
    y = graph.norm(x, weights, f"{name}/layer_norm")
    w, b = weights[f"{name}/linear_0/weight"].copy(), weights[f"{name}/linear_0/bias"].copy()
    scale = np.float32(size.head_width**-0.5)
    w[: size.width] *= scale
    b[: size.width] *= scale
    fused = graph.product(y, w, b, is_int8=is_int8)
    parts = op.split(fused, graph.constant(2, np.int64), 3).outputs()
    q, k, v = [graph.by_head(part, size.n_heads, size.head_width) for part in parts]
    attended = op.matmul(op.softmax(op.matmul(q, k, False, True), -1), v, False, False)
    attended = graph.joined_heads(attended, size.width)
    return graph.output_projection(x, attended, weights, f"{name}/linear_1", is_int8)


def _keys_and_values(
    x: Node, weights: Weights, layer: int, size: Dimensions, formats: Formats
) -> list[Node]:
    """Of one layer of the decoder, as its products want them."""
    name = f"decoder/layer_{layer}/attention/linear_1"
    w, b = weights[f"{name}/weight"], weights[f"{name}/bias"]
    results = []
    by_state, by_dimension = (0, 2, 1, 3), (0, 2, 3, 1)
    of_keys = by_state if formats.keys_by_state else by_dimension
    for i, (short, order) in enumerate((("k", of_keys), ("v", by_state))):
        rows = slice(i * size.width, (i + 1) * size.width)
        y = graph.product(x, w[rows], b[rows], is_int8=formats.encoder_int8)
        y = op.reshape(y, integers(0, 0, size.n_heads, size.head_width), True)
        y = op.transpose(y, integers(*order))
        if formats.shared_bf16:
            y = op.convert(y, "bf16")
        results.append(graph.named(y, f"{short}{layer}"))
    return results

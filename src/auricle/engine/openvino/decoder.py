"""The decoder as an OpenVINO graph: tokens of some rows in, what may follow them out.

Knows nothing about how it is compiled, nor about search. Rows are texts, such as the beams of a
window; those of one window stand together and are queries of one product with its keys and values,
so that these are read once for a step and not once for each beam. What rows said before is kept
by the graph itself, as state; ``beam`` says which row each row goes on from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import openvino
from openvino.op.util import Variable, VariableInfo

from auricle.engine.openvino import graph
from auricle.engine.openvino.graph import Node, integers, op
from auricle.engine.openvino.shape import Dimensions, Formats
from auricle.models.weights import Weights

N_TOP = 11
"""Text tokens found in the graph: one more than the widest beam."""

_BLOCK = 64
"""The best tokens are looked for in blocks: the n best lie in the n blocks with the best bests."""


def text_width(end_of_text: int) -> int:
    """Text tokens, filled up to whole blocks: a copy of all logits with a few more took 0.4 ms."""
    return -(-end_of_text // _BLOCK) * _BLOCK


@dataclass
class _Decoder:
    """What the layers share while the graph is made."""

    weights: Weights
    size: Dimensions
    formats: Formats
    ids: Node
    beam: Node
    mask: Node
    inputs: list[Node] = field(default_factory=list)
    results: list[Node] = field(default_factory=list)
    sinks: list[Node] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)


def build(weights: Weights, size: Dimensions, formats: Formats) -> openvino.Model:
    """The graph. With R rows, S new tokens in each, L tokens with those before, W windows and P
    places to look at:

    In: ``ids`` and ``positions`` ``(R, S) int64``; ``beam`` ``(R,) int32``; ``mask``
    ``(R, 1, S, L) float32``, added to self-attention; ``at`` ``(R, P) int64``, which of a row's S
    tokens the answers are about; ``suppress`` ``(1 or P, text_width) float32``, added to logits of
    text, which has to mask what it is filled up with; ``k0``, ``v0``... as the encoder gives them,
    of W windows.

    Out, of the tokens that may follow: ``text`` ``(R, P, text_width)`` and ``rest``
    ``(R, P, n_tokens - end_of_text)``, logits; of text, ``top_values`` and ``top_ids``
    ``(R, P, N_TOP)`` and ``log_sum`` ``(R, P)``, the logarithm of the sum of its exponentials.
    ``attention`` ``(n_alignment_heads, W, R / W * S, n_states)``.
    """
    parts = _Decoder(
        weights,
        size,
        formats,
        ids=graph.parameter("ids", (-1, -1), np.int64),
        beam=graph.parameter("beam", (-1,), np.int32),
        mask=graph.parameter("mask", (-1, 1, -1, -1), np.float32),
    )
    positions = graph.parameter("positions", (-1, -1), np.int64)
    at = graph.parameter("at", (-1, -1), np.int64)
    suppress = graph.parameter("suppress", (-1, text_width(size.end_of_text)), np.float32)
    parts.inputs += [parts.ids, parts.beam, parts.mask, positions, at, suppress]
    x = _embedded(parts, positions)
    attended: list[Node] = []
    for i in range(size.n_decoder_layers):
        x = _self_attention(parts, x, i)
        x, attention = _cross_attention(parts, x, i)
        attended += _alignment_heads(size, attention, i)
        x = graph.feed_forward(x, weights, f"decoder/layer_{i}/ffn", is_int8=formats.decoder_int8)
    if attended:
        parts.results.append(graph.named(op.concat(attended, 0), "attention"))
    _answers(parts, op.gather(x, at, graph.constant(1, np.int64), 1), suppress)
    return openvino.Model(parts.results, parts.sinks, parts.inputs, parts.variables, "decoder")


def _embedded(parts: _Decoder, positions: Node) -> Node:
    axis = graph.constant(0, np.int64)
    table = graph.matrix(
        parts.weights["decoder/embeddings/weight"], is_int8=parts.formats.decoder_int8
    )
    places = graph.constant(parts.weights["decoder/position_encodings/encodings"])
    return op.add(op.gather(table, parts.ids, axis), op.gather(places, positions, axis))


def _self_attention(parts: _Decoder, x: Node, layer: int) -> Node:
    size, weights, is_int8 = parts.size, parts.weights, parts.formats.decoder_int8
    name = f"decoder/layer_{layer}/self_attention"
    y = graph.norm(x, weights, f"{name}/layer_norm")
    w, b = weights[f"{name}/linear_0/weight"], weights[f"{name}/linear_0/bias"]
    fused = graph.product(y, w, b, is_int8=is_int8)
    outputs = op.split(fused, graph.constant(2, np.int64), 3).outputs()
    q, k, v = [graph.by_head(each, size.n_heads, size.head_width) for each in outputs]
    k = _remembered(parts, k, f"keys {layer}")
    v = _remembered(parts, v, f"values {layer}")
    attended = op.scaled_dot_product_attention(q, k, v, parts.mask)
    attended = graph.joined_heads(attended, size.width)
    return graph.output_projection(x, attended, weights, f"{name}/linear_1", is_int8)


def _remembered(parts: _Decoder, new: Node, name: str) -> Node:
    """What the rows had so far, each from the row it goes on from, with what is new behind it. In
    this very form the plugin keeps it in place and copies nothing."""
    size = parts.size
    info = VariableInfo()
    info.data_shape = openvino.PartialShape([-1, size.n_heads, -1, size.head_width])
    info.data_type = openvino.Type.f32
    info.variable_id = name
    variable = Variable(info)
    n_rows = op.gather(op.shape_of(parts.ids), integers(0), graph.constant(0, np.int64))
    shape = op.concat([n_rows, integers(size.n_heads, 0, size.head_width)], 0)
    empty = op.broadcast(graph.constant(0, np.float32), shape)
    past = op.gather(op.read_value(empty, variable), parts.beam, graph.constant(0, np.int64))
    whole = op.concat([past, new], 2)
    parts.sinks.append(op.assign(whole, variable))
    parts.variables.append(variable)
    return whole


def _cross_attention(parts: _Decoder, x: Node, layer: int) -> tuple[Node, Node]:
    """The layer's output, and its attention ``(W, n_heads, R / W * S, n_states)``."""
    size, weights, is_int8 = parts.size, parts.weights, parts.formats.decoder_int8
    name, scale = f"decoder/layer_{layer}/attention", np.float32(size.head_width**-0.5)
    dtype = openvino.Type.bf16 if parts.formats.shared_bf16 else openvino.Type.f32
    by_state = parts.formats.keys_by_state
    last = (-1, size.head_width) if by_state else (size.head_width, -1)
    keys = graph.parameter(f"k{layer}", (-1, size.n_heads, *last), dtype)
    values = graph.parameter(f"v{layer}", (-1, size.n_heads, -1, size.head_width), dtype)
    parts.inputs += [keys, values]
    y = graph.norm(x, weights, f"{name}/layer_norm")
    w, b = weights[f"{name}/linear_0/weight"] * scale, weights[f"{name}/linear_0/bias"] * scale
    q = graph.product(y, w, b, is_int8=is_int8)
    n_windows = op.gather(op.shape_of(keys), integers(0), graph.constant(0, np.int64))
    by_window = op.concat([n_windows, integers(-1, size.n_heads, size.head_width)], 0)
    q = op.transpose(op.reshape(q, by_window, False), integers(0, 2, 1, 3))
    if parts.formats.shared_bf16:
        scores = op.convert(op.matmul(op.convert(q, "bf16"), keys, False, by_state), "f32")
        attention = op.softmax(scores, -1)
        found = op.matmul(op.convert(attention, "bf16"), values, False, False)
        found = op.convert(found, "f32")
    else:
        attention = op.softmax(op.matmul(q, keys, False, by_state), -1)
        found = op.matmul(attention, values, False, False)
    by_row = op.concat([op.shape_of(parts.ids), integers(size.width)], 0)
    found = op.reshape(op.transpose(found, integers(0, 2, 1, 3)), by_row, False)
    return graph.output_projection(x, found, weights, f"{name}/linear_2", is_int8), attention


def _alignment_heads(size: Dimensions, attention: Node, layer: int) -> list[Node]:
    """The attention of those heads of this layer that words are aligned by, heads first."""
    heads = [head for at, head in size.alignment_heads if at == layer]
    if not heads:
        return []
    chosen = op.gather(attention, integers(*heads), graph.constant(1, np.int64))
    return [op.transpose(chosen, integers(1, 0, 2, 3))]


def _answers(parts: _Decoder, x: Node, suppress: Node) -> None:
    """Logits of what may follow, and the best of them."""
    weights, is_int8 = parts.weights, parts.formats.decoder_int8
    x = graph.norm(x, weights, "decoder/layer_norm")
    head = "decoder/projection/weight"
    table = weights[head if head in weights else "decoder/embeddings/weight"]
    end = parts.size.end_of_text
    n_blocks = text_width(end) // _BLOCK
    words = np.zeros((n_blocks * _BLOCK, table.shape[1]), np.float32)
    words[:end] = table[:end]
    text = op.add(graph.product(x, words, None, is_int8=is_int8), suppress)
    rest = graph.product(x, table[end:], None, is_int8=is_int8)
    blocks = op.reshape(text, integers(0, 0, n_blocks, _BLOCK), True)
    bests = op.reduce_max(blocks, integers(3), False)
    best = op.reduce_max(bests, integers(2), True)
    total = op.reduce_sum(op.exp(op.subtract(text, best)), integers(2), True)
    log_sum = op.squeeze(op.add(best, op.log(total)), integers(2))
    values, ids = _top(blocks, bests, n_blocks)
    for node, name in (
        (text, "text"),
        (rest, "rest"),
        (values, "top_values"),
        (ids, "top_ids"),
        (log_sum, "log_sum"),
    ):
        parts.results.append(graph.named(node, name))


def _top(blocks: Node, bests: Node, n_blocks: int) -> tuple[Node, Node]:
    """Values and ids of the best tokens, the best first."""
    n_chosen, size = min(N_TOP, n_blocks), graph.constant(_BLOCK, np.int64)
    k = graph.constant(n_chosen, np.int64)
    of_blocks = op.topk(bests, k, 2, "max", "none", index_element_type="i64").output(1)
    chosen = op.gather(blocks, of_blocks, graph.constant(2, np.int64), 2)
    flat = op.reshape(chosen, integers(0, 0, -1), True)
    k = graph.constant(min(N_TOP, n_chosen * _BLOCK), np.int64)
    found = op.topk(flat, k, 2, "max", "value", index_element_type="i64")
    block = op.gather_elements(of_blocks, op.divide(found.output(1), size), 2)
    inside = op.mod(found.output(1), size)
    return found.output(0), op.add(op.multiply(block, size), inside)

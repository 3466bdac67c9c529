"""How probable it is that a speaker has finished, in numpy: the network smart-turn v3.2.

Knows nothing about streams or pauses. It hears how something is said rather than what: the encoder
of a small Whisper, whose states are weighed and judged as one.

The network (Daily, "smart-turn-v3.2", BSD-2-Clause) is stored with 8-bit weights. Here its weights
are restored to float32 and what flows between them is not rounded, so answers differ from those of
other runtimes by what these differ from one another: some hundredths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelUnusable
from auricle.models.onnx import read_tensors
from auricle.types import SAMPLE_RATE, Pcm
from auricle.whisper.mel import log_mel

FILE = "smart-turn-v3.2-cpu.onnx"

HEARD_S = 8.0
"""What it hears: the last seconds, silence before them where there are fewer."""

_N_SAMPLES = round(HEARD_S * SAMPLE_RATE)
_N_MELS = 80
_N_FRAMES = 800
_HEADS = 6
_EPSILON = 1e-5
_LAYERS = (
    ("val_17", "val_25", "val_32", "val_75", "val_79", "val_88"),
    ("val_92", "val_100", "val_107", "val_148", "val_152", "val_161"),
    ("val_165", "val_173", "val_180", "val_221", "val_225", "val_234"),
    ("val_238", "val_246", "val_253", "val_294", "val_298", "val_307"),
)
"""What the export called the matrices of each layer: for queries, keys, values, what attention
found, and the two of the feed-forward part."""

F32 = NDArray[np.float32]
Tensors = Mapping[str, NDArray[Any]]


class EndOfTurn:
    """The network's weights. Immutable: one serves any number of streams and threads."""

    def __init__(self, tensors: Tensors) -> None:
        """``tensors`` as the file names them. Raises KeyError for one that is missing."""
        encoder = "inner.encoder"
        self._convolutions = [
            (
                _matrix(tensors, f"{encoder}.conv{i}.weight").transpose(2, 1, 0).copy(),
                _bias(tensors, f"{encoder}.conv{i}"),
                i,
            )
            for i in (1, 2)
        ]
        self._positions: F32 = tensors[f"{encoder}.embed_positions.weight"]
        self._layers = [
            _Layer.of(tensors, f"{encoder}.layers.{i}", names) for i, names in enumerate(_LAYERS)
        ]
        self._normal = _Normal.of(tensors, f"{encoder}.layer_norm")
        self._pool = _matrix(tensors, "val_311", axis=1)
        self._pool_bias: F32 = tensors["inner.pool_attention.0.bias"]
        self._pool_score = _matrix(tensors, "val_313", axis=1)
        self._judge = [
            (
                _matrix(tensors, f"inner.classifier.{i}.weight"),
                _bias(tensors, f"inner.classifier.{i}"),
            )
            for i in (0, 4, 6)
        ]
        self._judge_normal = _Normal.of(tensors, "inner.classifier.1")

    @classmethod
    def load(cls, folder: Path) -> EndOfTurn:
        """Read the network of a folder. Raises ModelUnusable, which names the file."""
        try:
            return cls(read_tensors(folder / FILE))
        except (KeyError, ValueError) as exc:
            raise ModelUnusable(f"{folder / FILE} is not the network expected: {exc}") from exc

    def probability(self, pcm: Pcm) -> float:
        """How probable it is that who speaks at the end of ``pcm``, 16 kHz, has finished there."""
        padded = np.zeros(_N_SAMPLES, np.float32)
        last = pcm[-_N_SAMPLES:]
        padded[_N_SAMPLES - len(last) :] = last
        padded = (padded - padded.mean()) / np.sqrt(padded.var() + np.float32(1e-7))
        states = self._encoded(log_mel(padded, _N_MELS, _N_FRAMES))
        weights = np.tanh(states @ self._pool + self._pool_bias) @ self._pool_score
        x = (states * _softmax(weights, axis=0)).sum(0)
        (first, first_bias), (second, second_bias), (last_one, last_bias) = self._judge
        x = _gelu(self._judge_normal.of_rows(first @ x + first_bias))
        x = _gelu(second @ x + second_bias)
        return float(1 / (1 + np.exp(-(last_one @ x + last_bias)[0])))

    def _encoded(self, features: F32) -> F32:
        """``(80, 800)`` → ``(400, 384)``"""
        x: F32 = features.T
        for weight, bias, stride in self._convolutions:
            x = _gelu(_convolved(x, weight, stride) + bias)
        x = x + self._positions
        for layer in self._layers:
            x = layer.run(x)
        return self._normal.of_rows(x)


@dataclass(frozen=True, slots=True)
class _Normal:
    """A normalisation of each row."""

    scale: F32
    shift: F32

    @classmethod
    def of(cls, tensors: Tensors, name: str) -> _Normal:
        return cls(tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def of_rows(self, x: F32) -> F32:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(_EPSILON))
        return np.asarray(centred / deviation * self.scale + self.shift, np.float32)


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer of the encoder: attention, then two matrices for each position."""

    normals: tuple[_Normal, _Normal]
    matrices: tuple[F32, ...]
    query_bias: F32
    value_bias: F32
    out_bias: F32
    inner_biases: tuple[F32, F32]

    @classmethod
    def of(cls, tensors: Tensors, name: str, matrices: tuple[str, ...]) -> _Layer:
        attention = f"{name}.self_attn"
        return cls(
            (
                _Normal.of(tensors, f"{name}.self_attn_layer_norm"),
                _Normal.of(tensors, f"{name}.final_layer_norm"),
            ),
            tuple(_matrix(tensors, each, axis=1) for each in matrices),
            tensors[f"{attention}.q_proj.bias"],
            tensors[f"{attention}.v_proj.bias"],
            tensors[f"{attention}.out_proj.bias"],
            (tensors[f"{name}.fc1.bias"], tensors[f"{name}.fc2.bias"]),
        )

    def run(self, x: F32) -> F32:
        """``(n_positions, 384)`` → the same."""
        query, key, value, out, widen, narrow = self.matrices
        n_positions, width = x.shape
        y = self.normals[0].of_rows(x)
        scale = np.float32((width // _HEADS) ** -0.5)
        queries = _split((y @ query + self.query_bias) * scale)
        scores = _softmax(queries @ _split(y @ key).transpose(0, 2, 1), axis=-1)
        found = scores @ _split(y @ value + self.value_bias)
        joined = found.transpose(1, 0, 2).reshape(n_positions, width)
        attended: F32 = np.asarray(x + joined @ out + self.out_bias, np.float32)
        y = self.normals[1].of_rows(attended)
        return attended + _gelu(y @ widen + self.inner_biases[0]) @ narrow + self.inner_biases[1]


def _split(x: F32) -> F32:
    """``(n_positions, width)`` → ``(heads, n_positions, width / heads)``"""
    return x.reshape(len(x), _HEADS, -1).transpose(1, 0, 2)


def _softmax(x: F32, axis: int) -> F32:
    x = np.exp(x - x.max(axis, keepdims=True))
    x /= x.sum(axis, keepdims=True)
    return x


def _gelu(x: F32) -> F32:
    """By the hyperbolic tangent: within 0.0005 of the exact one, and a third of its time."""
    inner = x * x
    inner *= np.float32(0.044715 * 0.7978845608)
    inner += np.float32(0.7978845608)
    inner *= x
    np.tanh(inner, out=inner)
    inner += 1
    inner *= x
    inner *= np.float32(0.5)
    return inner


def _convolved(x: F32, weight: F32, stride: int) -> F32:
    """Along time, with one zero on either side: ``(n, n_in)`` by ``(3, n_in, n_out)``."""
    padded = np.pad(x, ((1, 1), (0, 0)))
    n_out = (len(x) - 1) // stride + 1
    end = (n_out - 1) * stride + 1
    result = padded[0:end:stride] @ weight[0]
    for tap in (1, 2):
        result += padded[tap : tap + end : stride] @ weight[tap]
    return np.asarray(result, np.float32)


def _matrix(tensors: Tensors, name: str, axis: int = 0) -> F32:
    """Weights as they were before they were rounded to 8 bits: each row or column, as ``axis``
    says, has a scale of its own."""
    rounded, scale = tensors[f"{name}_quantized"], tensors[f"{name}_scale"]
    zero = tensors[f"{name}_zero_point"].astype(np.float32)
    shape = [1] * rounded.ndim
    shape[axis] = -1
    restored = (rounded.astype(np.float32) - zero.reshape(shape)) * scale.reshape(shape)
    return np.asarray(restored, np.float32)


def _bias(tensors: Tensors, name: str) -> F32:
    rounded = tensors[f"{name}.bias_quantized"]
    return np.asarray(rounded * tensors[f"{name}.bias_quantized_scale"], np.float32)

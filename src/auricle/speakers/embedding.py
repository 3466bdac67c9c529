"""What a voice sounds like, as 192 numbers, in numpy: the CAM++ network.

Knows nothing about who speaks or when. Two embeddings are compared by the cosine between them.

The network (Wang et al. 2023, "CAM++"; 3D-Speaker, Apache-2.0): a small residual network over time
and frequency, then dense time-delay layers, each of which is weighed by the mean of the whole input
and of the 2 s around (context-aware masking), then mean and deviation over time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 192

F32 = NDArray[np.float32]

BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each dense block."""
RESIDUALS = ((("layer1.0", 2), ("layer1.1", 1)), (("layer2.0", 2), ("layer2.1", 1)))
SEGMENT = 100
"""Frames of 20 ms that share a local mean."""
_EPSILON = 1e-5
_ROWS = 10


class EmbedsVoices(Protocol):
    """What runs the network, for any number of threads."""

    def embed_all(self, stretches: Sequence[F32]) -> F32:
        """``(n_frames, 80)`` filterbanks of stretches of one voice each, of 12 frames to 3 s →
        ``(n_stretches, 192)``, each of length 1."""


MakeEmbedding = Callable[[Mapping[str, F32]], EmbedsVoices]
"""From tensors, as the checkpoint names them. Raises KeyError for one that is missing."""


class Embedding:
    """The network's weights. Immutable: one serves any number of recordings and threads."""

    def __init__(self, tensors: Mapping[str, F32]) -> None:
        """``tensors`` as the checkpoint names them. Raises KeyError for one that is missing."""
        self._frames = _Frames(tensors)
        self._out = Normal.of(tensors, "xvector.out_nonlinear.batchnorm")
        weight, bias = folded(tensors, "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm")
        self._dense = (weight[:, :, 0].T.copy(), bias)

    def embed_all(self, stretches: Sequence[F32]) -> F32:
        """As `EmbedsVoices`, of stretches of any length."""
        found = [self.embed(each) for each in stretches]
        return np.array(found, np.float32).reshape(-1, DIMENSIONS)

    def embed(self, features: F32) -> F32:
        """``(n_frames, 80)`` filterbanks of one voice → ``(192,)`` of length 1.

        Their mean over time is taken away first, so loudness and a constant filter do not matter.
        """
        x = self._out.rectified(self._frames(features - features.mean(0)))
        deviation = x.std(0, ddof=1) if len(x) > 1 else np.full(x.shape[1], 1e-2, np.float32)
        weight, bias = self._dense
        found = np.concatenate([x.mean(0), deviation]) @ weight + bias
        return np.asarray(found / np.linalg.norm(found), np.float32)


class _Frames:
    """All layers but the last, which keep time: ``(n_frames, 80)`` → ``(n_frames / 2, 512)``."""

    def __init__(self, tensors: Mapping[str, F32]) -> None:
        self._first = _convolution(tensors, "head.conv1", "head.bn1")
        self._residuals = [
            _Residual(tensors, f"head.{name}", stride)
            for stage in RESIDUALS
            for name, stride in stage
        ]
        self._last = _convolution(tensors, "head.conv2", "head.bn2")
        weight, bias = folded(tensors, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm")
        self._tdnn = (np.ascontiguousarray(weight.transpose(2, 1, 0)), bias)
        self._blocks = [
            (
                [
                    _Dense(tensors, f"xvector.block{i}.tdnnd{j}", dilation)
                    for j in range(1, n_layers + 1)
                ],
                Normal.of(tensors, f"xvector.transit{i}.nonlinear.batchnorm"),
                tensors[f"xvector.transit{i}.linear.weight"][:, :, 0].T.copy(),
            )
            for i, (n_layers, dilation) in enumerate(BLOCKS, 1)
        ]

    def __call__(self, x: F32) -> F32:
        x = self._time_delay(self._image(x))
        for layers, normal, weight in self._blocks:
            x = self._block(x, layers)
            x = normal.rectified(x) @ weight
        return x

    def _image(self, x: F32) -> F32:
        """The residual network over time and bands: ``(n_frames, 80)`` → ``(n_frames, 320)``."""
        image = _relu(self._first.run(x.T[:, :, None], 1))
        for residual in self._residuals:
            image = residual.run(image)
        image = _relu(self._last.run(image, 2))
        return np.asarray(image.transpose(1, 2, 0).reshape(len(x), -1))

    def _time_delay(self, x: F32) -> F32:
        """``(n_frames, 320)`` → ``(n_frames / 2, 128)``: five taps, every second frame."""
        weight, bias = self._tdnn
        padded = np.pad(x, ((2, 2), (0, 0)))
        n_out = (len(x) - 1) // 2 + 1
        result = np.tile(bias, (n_out, 1))
        for tap, each in enumerate(weight):
            result += padded[tap : tap + 2 * n_out - 1 : 2] @ each
        return _relu(result)

    @staticmethod
    def _block(x: F32, layers: list[_Dense]) -> F32:
        n_in, n_added = x.shape[1], layers[0].n_out
        grown = np.empty((len(x), n_in + len(layers) * n_added), np.float32)
        grown[:, :n_in] = x
        for i, layer in enumerate(layers):
            end = n_in + i * n_added
            grown[:, end : end + n_added] = layer.run(grown[:, :end])
        return grown


@dataclass(frozen=True, slots=True)
class Normal:
    """A batch normalisation, as one factor and one summand a channel."""

    scale: F32
    shift: F32

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[np.float32]], name: str) -> Normal:
        mean, variance = tensors[f"{name}.running_mean"], tensors[f"{name}.running_var"]
        scale = tensors.get(f"{name}.weight", np.float32(1)) / np.sqrt(variance + _EPSILON)
        shift = tensors.get(f"{name}.bias", np.float32(0)) - mean * scale
        return cls(np.asarray(scale, np.float32), np.asarray(shift, np.float32))

    def rectified(self, x: F32) -> F32:
        y = x * self.scale
        y += self.shift
        return _relu(y)


class _Dense:
    """A dense time-delay layer with its context-aware mask."""

    def __init__(
        self, tensors: Mapping[str, NDArray[np.float32]], name: str, dilation: int
    ) -> None:
        self._normal = Normal.of(tensors, f"{name}.nonlinear1.batchnorm")
        weight, self._bias = folded(tensors, f"{name}.linear1", f"{name}.nonlinear2.batchnorm")
        self._weight = weight[:, :, 0].T.copy()
        cam = f"{name}.cam_layer"
        local = tensors[f"{cam}.linear_local.weight"].transpose(1, 2, 0)
        self._local = np.ascontiguousarray(local.reshape(len(local), -1))  # all taps side by side
        self._dilation = dilation
        self._squeeze = tensors[f"{cam}.linear1.weight"][:, :, 0].T.copy()
        self._squeeze_bias = tensors[f"{cam}.linear1.bias"]
        self._excite = tensors[f"{cam}.linear2.weight"][:, :, 0].T.copy()
        self._excite_bias = tensors[f"{cam}.linear2.bias"]
        self.n_out = self._excite.shape[1]

    def run(self, x: F32) -> F32:
        """``(n_frames, n_in)`` → ``(n_frames, 32)``."""
        x = self._normal.rectified(x) @ self._weight
        x += self._bias
        x = _relu(x)
        n_frames, n, d = len(x), self.n_out, self._dilation
        taps = x @ self._local
        y = taps[:, n : 2 * n].copy()
        y[d:] += taps[:-d, :n]
        y[:-d] += taps[d:, 2 * n :]
        starts = np.arange(0, n_frames, SEGMENT)
        lengths = np.diff(np.append(starts, n_frames))[:, None].astype(np.float32)
        sums = np.add.reduceat(x, starts, axis=0)
        context = sums.sum(0) / np.float32(n_frames) + sums / lengths
        squeezed = _relu(context @ self._squeeze + self._squeeze_bias)
        mask = 0.5 + 0.5 * np.tanh((squeezed @ self._excite + self._excite_bias) / 2)  # a sigmoid
        for start, each in zip(starts, mask, strict=True):
            y[start : start + SEGMENT] *= each
        return y


@dataclass(frozen=True, slots=True)
class _Convolution:
    """A 3 × 3 convolution over (frequency, time)."""

    weight: F32
    """``(3 × 3 × n_in, n_out)``"""
    bias: F32

    def run(self, image: F32, stride: int) -> F32:
        """``(n_bands, n_frames, n_in)`` → ``(n_bands / stride, n_frames, n_out)``."""
        n_bands, n_frames, n_in = image.shape
        padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
        n_rows = (n_bands - 1) // stride + 1
        result = np.empty((n_rows, n_frames, len(self.bias)), np.float32)
        patch = np.empty((n_frames, 3, 3, n_in), np.float32)
        for row in range(n_rows):
            for i in range(3):
                for j in range(3):
                    patch[:, i, j] = padded[row * stride + i, j : j + n_frames]
            np.matmul(patch.reshape(n_frames, -1), self.weight, out=result[row])
        result += self.bias
        return result


class _Residual:
    """Two convolutions around which the input is led, as it is or through a third of one tap."""

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]], name: str, stride: int) -> None:
        self._stride = stride
        self._first = _convolution(tensors, f"{name}.conv1", f"{name}.bn1")
        self._second = _convolution(tensors, f"{name}.conv2", f"{name}.bn2")
        self._around: tuple[F32, F32] | None = None
        if stride > 1:
            weight, bias = folded(tensors, f"{name}.shortcut.0", f"{name}.shortcut.1")
            self._around = (weight[:, :, 0, 0].T.copy(), bias)

    def run(self, image: F32) -> F32:
        around = image
        if self._around is not None:
            weight, bias = self._around
            around = image[:: self._stride] @ weight + bias
        result = self._second.run(_relu(self._first.run(image, self._stride)), 1)
        result += around
        return _relu(result)


def _convolution(tensors: Mapping[str, NDArray[np.float32]], name: str, norm: str) -> _Convolution:
    weight, bias = folded(tensors, name, norm)
    return _Convolution(
        np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))), bias
    )


def folded(tensors: Mapping[str, NDArray[np.float32]], name: str, norm: str) -> tuple[F32, F32]:
    """The weights of a layer and the normalisation behind it, as those of one layer."""
    weight, normal = tensors[f"{name}.weight"], Normal.of(tensors, norm)
    scale = normal.scale.reshape(-1, *[1] * (weight.ndim - 1))
    return np.asarray(weight * scale, np.float32), normal.shift


def _relu(x: F32) -> F32:
    return np.maximum(x, 0, out=x)

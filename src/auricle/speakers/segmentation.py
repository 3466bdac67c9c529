"""Who of up to three voices speaks in 10 s of audio, in numpy: pyannote's segmentation-3.0.

Knows nothing about who the voices are, nor about other chunks: a voice has another place in each.

The network (PyanNet of pyannote.audio 3, MIT): a bank of band-pass filters whose edges were learned
(SincNet), two convolutions, four bidirectional LSTM layers, two dense layers, and for each frame a
probability of each set of at most two of three voices ("power set", Plaquet and Bredin 2023).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from auricle.speakers.lstm import Lstm, MakeLstm
from auricle.types import SAMPLE_RATE

CHUNK_S = 10.0
CHUNK = round(CHUNK_S * SAMPLE_RATE)
"""Samples the network was trained on at a time."""

N_LOCAL = 3
"""Voices told apart within a chunk."""

HOP = 270
"""Samples between frames: 16.875 ms."""

FIRST_CENTRE = 495
"""The sample in the middle of what the first frame sees, which is 991 samples."""

N_FRAMES = 589
"""Frames of a chunk."""

SETS = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
"""The voices of each class, in the network's order."""

F32 = NDArray[np.float32]

_KERNEL = 251
_STRIDE = 10
_POOL = 3
_EPSILON = np.float32(1e-5)
_SLOPE = np.float32(0.01)
_MIN_HZ = 50.0
_SIDE_BY_SIDE = 4
"""Places that the filters are applied to in one row of a product."""
_ROWS = 512
"""Rows of what is filtered that are worked on at a time, which fits the processor's cache."""


class Segmentation:
    """The network's weights. Immutable: one serves any number of recordings and threads."""

    def __init__(
        self, tensors: Mapping[str, NDArray[np.float32]], make_lstm: MakeLstm = Lstm
    ) -> None:
        """``tensors`` as the checkpoint names them; ``make_lstm`` says what runs the costliest part
        of them. Raises KeyError for one that is missing."""
        weights = {name.removeprefix("state_dict."): value for name, value in tensors.items()}
        self._scale = weights["sincnet.wav_norm1d.weight"]
        self._shift = weights["sincnet.wav_norm1d.bias"]
        self._filters = _band_passes(weights)
        self._bank = _shifted(self._filters)
        self._norms = [
            (weights[f"sincnet.norm1d.{i}.weight"], weights[f"sincnet.norm1d.{i}.bias"])
            for i in range(3)
        ]
        self._convolutions = [
            (
                _taps(weights[f"sincnet.conv1d.{i}.weight"]),
                weights[f"sincnet.conv1d.{i}.bias"],
            )
            for i in (1, 2)
        ]
        self._lstm = make_lstm(weights)
        self._dense = [
            (weights[f"{name}.weight"].T.copy(), weights[f"{name}.bias"])
            for name in ("linear.0", "linear.1", "classifier")
        ]

    def log_probabilities(self, pcm: F32, step: int = CHUNK) -> F32:
        """``(n_chunks, 589, 7)``: natural logarithms of how probable each of `SETS` is, in the
        chunks that start at 0, ``step``, 2 ``step`` and end within ``(n_samples,)`` audio.

        ``step`` is a multiple of 10 samples, so that chunks can share the filters' work.
        """
        starts = range(0, len(pcm) - CHUNK + 1, step)
        filtered = self._filtered(pcm)
        x = np.stack([self._normalised(pcm, filtered, start) for start in starts], axis=1)
        x = self._lstm(x)
        for weight, bias in self._dense[:-1]:
            x = _leaky(x @ weight + bias)
        weight, bias = self._dense[-1]
        logits = x @ weight + bias
        logits -= logits.max(-1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
        return np.asarray(logits.transpose(1, 0, 2), np.float32)

    def _filtered(self, pcm: F32) -> F32:
        """What the filters give for audio, every 10 samples: ``(n, 80)``."""
        n = (len(pcm) - _KERNEL) // _STRIDE + 1
        n_rows = -(-n // _SIDE_BY_SIDE)
        seen, step = len(self._bank), _STRIDE * _SIDE_BY_SIDE
        padded = np.pad(pcm, (0, max(0, (n_rows - 1) * step + seen - len(pcm))))
        windows = np.lib.stride_tricks.sliding_window_view(padded, seen)[::step]
        result = np.empty((n_rows, self._bank.shape[1]), np.float32)
        for first in range(0, n_rows, _ROWS):
            rows = slice(first, min(first + _ROWS, n_rows))
            np.matmul(np.ascontiguousarray(windows[rows]), self._bank, out=result[rows])
        return result.reshape(-1, self._filters.shape[1])[:n]

    def _normalised(self, pcm: F32, filtered: F32, start: int) -> F32:
        """One chunk through the convolutions: ``(589, 60)``.

        The chunk is brought to mean 0 and variance 1 before it is filtered. As filters are linear,
        that is done to what they gave for the audio as it is.
        """
        chunk = pcm[start : start + CHUNK]
        scale = self._scale / np.sqrt(chunk.var() + _EPSILON)
        shift = (self._shift - chunk.mean() * scale) * self._filters.sum(0)
        at = start // _STRIDE
        n_pooled = ((CHUNK - _KERNEL) // _STRIDE + 1) // _POOL
        x = np.empty((n_pooled, len(shift)), np.float32)
        for first in range(0, n_pooled, _ROWS):
            last = min(first + _ROWS, n_pooled)
            part = filtered[at + first * _POOL : at + last * _POOL] * scale
            part += shift
            x[first:last] = _pooled(np.abs(part, out=part))
        x = _normal(x, *self._norms[0])
        for (weight, bias), norm in zip(self._convolutions, self._norms[1:], strict=True):
            x = _pooled(_convolved(x, weight))
            x += bias
            x = _normal(x, *norm)
        return x


def _band_passes(weights: Mapping[str, NDArray[np.float32]]) -> F32:
    """The filters ``(251, 80)``: 40 bands, each as a cosine and as a sine, both windowed.

    Ravanelli and Bengio 2018; the sine of each band after Pariente et al. 2020. A cosine one is the
    difference of two low passes, sin(2 pi f n) / (pi n), and both are divided by twice the band.
    """
    name = "sincnet.conv1d.0.filterbank"
    half = weights[f"{name}.n_"].astype(np.float64)
    window = weights[f"{name}.window_"].astype(np.float64)
    low = _MIN_HZ + np.abs(weights[f"{name}.low_hz_"].astype(np.float64))
    high = low + _MIN_HZ + np.abs(weights[f"{name}.band_hz_"].astype(np.float64))
    high = np.clip(high, _MIN_HZ, SAMPLE_RATE / 2)
    band = high - low
    cosine = (np.sin(high @ half) - np.sin(low @ half)) / (half / 2) * window
    sine = (np.cos(low @ half) - np.cos(high @ half)) / (half / 2) * window
    cosines = np.concatenate([cosine, 2 * band, cosine[:, ::-1]], axis=1)
    sines = np.concatenate([sine, np.zeros_like(band), -sine[:, ::-1]], axis=1)
    filters = np.concatenate([cosines / (2 * band), sines / (2 * band)])
    return np.asarray(filters.T, np.float32, order="C")


def _shifted(filters: F32) -> F32:
    """The filters, and beside them the same for the next places: one product serves several, of
    samples that are copied once."""
    n_taps, n = filters.shape
    bank = np.zeros((n_taps + (_SIDE_BY_SIDE - 1) * _STRIDE, _SIDE_BY_SIDE * n), np.float32)
    for i in range(_SIDE_BY_SIDE):
        bank[i * _STRIDE : i * _STRIDE + n_taps, i * n : (i + 1) * n] = filters
    return bank


def _taps(weight: F32) -> F32:
    """``(n_out, n_in, taps)`` → ``(taps, n_in, n_out)``."""
    return np.ascontiguousarray(weight.transpose(2, 1, 0))


def _convolved(x: F32, weight: F32) -> F32:
    """``(n_frames, n_in)`` by ``(taps, n_in, n_out)``, only where all taps lie inside."""
    n_out, n_seen = len(x) - len(weight) + 1, len(weight) * x.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(x.reshape(-1), n_seen)[:: x.shape[1]]
    flat = weight.reshape(n_seen, -1)
    result = np.empty((n_out, flat.shape[1]), np.float32)
    for first in range(0, n_out, _ROWS):
        rows = slice(first, first + _ROWS)
        np.matmul(np.ascontiguousarray(windows[rows]), flat, out=result[rows])
    return result


def _pooled(x: F32) -> F32:
    """The largest of every three frames."""
    whole = x[: len(x) // _POOL * _POOL].reshape(-1, _POOL, x.shape[1])
    return np.asarray(np.maximum(np.maximum(whole[:, 0], whole[:, 1]), whole[:, 2]))


def _normal(x: F32, weight: F32, bias: F32) -> F32:
    """Every channel to mean 0 and variance 1 over the chunk, then as the network learned it; ``x``
    is used up."""
    x -= x.mean(0)
    variance = np.einsum("ij,ij->j", x, x) / np.float32(len(x))
    x *= weight / np.sqrt(variance + _EPSILON)
    x += bias
    return _leaky(x)


def _leaky(x: F32) -> F32:
    return np.asarray(np.maximum(x, _SLOPE * x))

"""Log-mel filterbanks as Kaldi computes them: what the embedding network was trained on.

Knows nothing about voices. The definition is Kaldi's ``compute-fbank-feats`` at 16 kHz: frames of
25 ms every 10 ms that lie wholly in the audio, offset removed, pre-emphasis 0.97, Povey's window
(Hann to the power 0.85), the power spectrum of 512 points, triangles of equal width on the mel
scale from 20 Hz to 8 kHz, natural logarithm; without dither.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from auricle.types import SAMPLE_RATE, Pcm

N_MELS = 80
FRAME = 400
"""Samples a frame sees: 25 ms."""
HOP = 160
"""Samples between frames: 10 ms."""
FRAMES_PER_S = SAMPLE_RATE // HOP

_FFT = 512
_PREEMPHASIS = np.float32(0.97)
_LOWEST_HZ = 20.0
_FLOOR = np.float32(np.finfo(np.float32).eps)
_BLOCK = 256
"""Frames transformed at one time: keeps the working set in cache."""


def fbank(pcm: Pcm) -> NDArray[np.float32]:
    """``(n_frames, 80) float32`` of audio in [-1, 1]; frame ``i`` sees 25 ms from ``10 i`` on."""
    n_frames = max(0, (len(pcm) - FRAME) // HOP + 1)
    features = np.empty((n_frames, N_MELS), np.float32)
    if n_frames == 0:
        return features
    frames = np.lib.stride_tricks.sliding_window_view(pcm, FRAME)[::HOP]
    window, bands = _window(), _bands()
    for first in range(0, n_frames, _BLOCK):
        block = frames[first : first + _BLOCK]
        block = block - block.mean(1, keepdims=True)
        block[:, 1:] -= _PREEMPHASIS * block[:, :-1]
        block[:, 0] -= _PREEMPHASIS * block[:, 0]
        spectrum = np.fft.rfft(block * window, _FFT)
        power = spectrum.real**2 + spectrum.imag**2
        features[first : first + _BLOCK] = np.log(np.maximum(power @ bands, _FLOOR))
    return features


@cache
def _window() -> NDArray[np.float32]:
    turn = 2 * np.pi * np.arange(FRAME) / (FRAME - 1)
    return np.asarray((0.5 - 0.5 * np.cos(turn)) ** 0.85, np.float32)


@cache
def _bands() -> NDArray[np.float32]:
    """Triangles ``(257, 80) float32`` on the scale 1127 ln(1 + f / 700)."""
    low, high = (_mel(np.asarray(hz, np.float64)) for hz in (_LOWEST_HZ, SAMPLE_RATE / 2))
    edges = np.linspace(low, high, N_MELS + 2)
    bins = _mel(np.arange(_FFT // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / _FFT))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0.0, np.minimum(rising, falling))
    bands[-1] = 0.0  # Kaldi leaves the last bin out
    return np.asarray(bands, np.float32)


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1127.0 * np.log1p(hz / 700.0))

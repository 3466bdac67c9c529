"""Sounds without speech, made from numbers: silence, noises, hum, clicks, music, breath.

Knows nothing about servers or models. The same seed gives the same sound.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from auricle.types import SAMPLE_RATE, Pcm

F64 = NDArray[np.float64]


def sound(kind: str, duration_s: float, seed: int = 0) -> Pcm:
    """``duration_s`` of one of `KINDS`, ``(n_samples,) float32``."""
    n = round(duration_s * SAMPLE_RATE)
    made = _MAKERS[kind](n, np.random.default_rng(seed))
    return made.astype(np.float32)


def _silence(n: int, _: np.random.Generator) -> F64:
    return np.zeros(n)


def _white(n: int, rng: np.random.Generator) -> F64:
    return _at_level(rng.standard_normal(n), -35)


def _loud(n: int, rng: np.random.Generator) -> F64:
    return _at_level(rng.standard_normal(n), -15)


def _pink(n: int, rng: np.random.Generator) -> F64:
    return _at_level(_coloured(n, rng, 0.5), -30)


def _brown(n: int, rng: np.random.Generator) -> F64:
    return _at_level(_coloured(n, rng, 1.0), -25)


def _hum(n: int, rng: np.random.Generator) -> F64:
    """A mains hum of 50 Hz with its harmonics, and some noise."""
    t = np.arange(n) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in range(1, 8))
    return _at_level(tones + 0.02 * rng.standard_normal(n), -30)


def _clicks(n: int, rng: np.random.Generator) -> F64:
    """Keys being pressed, about three a second, in a quiet room."""
    made = 0.0005 * rng.standard_normal(n)
    decay = np.exp(-np.arange(480) / 60)
    for at in np.flatnonzero(rng.random(n) < 3 / SAMPLE_RATE).tolist():
        click = 0.3 * decay[: n - at] * rng.standard_normal(min(480, n - at))
        made[at : at + len(click)] += click
    return made


def _music(n: int, rng: np.random.Generator) -> F64:
    """Chords of plucked tones with harmonics, a bass and a beat of noise, two chords a second."""
    step = SAMPLE_RATE // 2
    t = np.arange(step) / SAMPLE_RATE
    made = np.zeros(n + step)
    for i, at in enumerate(range(0, n, step)):
        root = 220 * 2 ** ((0, 9, 5, 7)[i // 4 % 4] / 12)
        notes = [root / 2, *(root * 2 ** (k / 12) for k in rng.choice((0, 4, 7, 12, 16), 3))]
        chord = sum(
            np.sin(2 * np.pi * f * h * t) / h * np.exp(-3 * h * t) for f in notes for h in (1, 2, 3)
        )
        beat = rng.standard_normal(step) * np.exp(-t * 60) * (i % 2)
        made[at : at + step] += chord + beat
    return _at_level(made[:n], -20)


def _breath(n: int, rng: np.random.Generator) -> F64:
    """Noise shaped as air through a mouth, swelling and falling every four seconds."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    shape = np.exp(-((np.log(np.maximum(f, 1)) - np.log(1200)) ** 2) / 0.8)
    swell = np.maximum(np.sin(2 * np.pi * np.arange(n) / SAMPLE_RATE / 4), 0) ** 2
    return _at_level(np.fft.irfft(spectrum * shape, n) * swell, -35)


def _coloured(n: int, rng: np.random.Generator, power: float) -> F64:
    """Noise whose amplitude falls with frequency to ``power``, above 20 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    return np.fft.irfft(spectrum / np.maximum(f, 20) ** power, n)


def _at_level(made: F64, dbfs: float) -> F64:
    """``made`` with this root mean square, in decibels below full scale."""
    return made * (10 ** (dbfs / 20) / max(float(np.sqrt(np.mean(made**2))), 1e-12))


_MAKERS: dict[str, Callable[[int, np.random.Generator], F64]] = {
    "silence": _silence,
    "white noise": _white,
    "loud white noise": _loud,
    "pink noise": _pink,
    "brown noise": _brown,
    "hum": _hum,
    "clicks": _clicks,
    "music": _music,
    "breath": _breath,
}
KINDS = tuple(_MAKERS)

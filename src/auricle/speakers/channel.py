"""How speech comes through a channel: how far above its noise, and what all voices have in common
on it, so that it can be taken away.

Knows nothing about networks. Through a telephone's band (300 to 3400 Hz) all voices get more alike:
the embeddings of different people, whose cosine is 0.1 on average otherwise, have 0.45 in common.
Their mean over 85 people, whose speech was put through such a band with three kinds of noise, is
stored beside this module (`band_mean.npy`); without it, a threshold that suits a room makes one
person of two.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BAND_LIMITED = 0.4
"""Speech is band-limited if loud frames vary less than so many times as much above 4 kHz as below.
Measured on 85 people: 0.49 to 1.56 as recorded, at most 0.31 through the band of a telephone."""

COMMON = 0.85
"""How much of that mean is taken away: a channel is never quite that of the 85, and taking all of
it makes voices alike again."""

_LOW = slice(20, 50)
"""Mel bands of 500 to 2700 Hz."""
_HIGH = slice(62, 78)
"""Mel bands of 4.2 to 7.3 kHz."""
_LOUD = 6.0
"""Natural logarithms: a frame is loud if its mean level is no further below the loudest ones."""
_DB = 10 / np.log(10)
_LEVELS_DB = np.arange(-80.0, 81.0)
_QUIET, _LOUDEST = 0.05, 0.95

F32 = NDArray[np.float32]


class Channel:
    """Collects how loud the speech of one recording is, and how much bands vary in it."""

    def __init__(self) -> None:
        self._varied = np.zeros(2)
        self._levels = np.zeros(len(_LEVELS_DB) - 1, np.int64)

    def add(self, mel: F32) -> None:
        """``(n_frames, 80)`` filterbanks of a stretch of speech."""
        level = mel[:, _LOW].mean(1)
        loud = mel[level > np.percentile(level, 95) - _LOUD]
        inside = np.clip(level * _DB, _LEVELS_DB[0], _LEVELS_DB[-1])
        self._levels += np.histogram(inside, _LEVELS_DB)[0]
        self._varied += len(loud) * np.array([loud[:, b].std(0).mean() for b in (_LOW, _HIGH)])

    @property
    def range_db(self) -> float:
        """By how much the loudest twentieth of speech is louder than the quietest, which is noise
        where there is any: 16 or more for 88 people as recorded, in a room and on the telephone; 13
        at the median in noise that is 15 dB quieter than they are, 9 at 8 dB and 6 at 3 dB."""
        n = self._levels.cumsum()
        quiet, loud = np.searchsorted(n, n[-1] * np.array([_QUIET, _LOUDEST]))
        return float(loud - quiet)

    @property
    def is_band_limited(self) -> bool:
        low, high = self._varied
        return bool(low > 0 and high < BAND_LIMITED * low)

    def centred(self, embeddings: F32) -> F32:
        """``(n, 192)`` embeddings without what the channel adds, of length 1 again."""
        if not self.is_band_limited:
            return embeddings
        rest = embeddings - COMMON * _band_mean()
        return np.asarray(rest / np.linalg.norm(rest, axis=1, keepdims=True), np.float32)


@cache
def _band_mean() -> F32:
    mean: F32 = np.load(Path(__file__).with_name("band_mean.npy"))
    return mean

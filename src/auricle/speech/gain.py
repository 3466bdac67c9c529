"""Quiet stretches of a recording, raised for whoever listens for speech in it.

Knows nothing about files or models: samples in, samples out. What is transcribed is never
changed.

The detector does not hear quiet voices (35 dB down it misses two words of five), yet calls no noise
speech however loud. So quiet audio is raised before it is judged, and loud audio stays. How quiet
it is, is asked anew every moment: one voice may be 40 dB below the other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from auricle.speech.vad import FRAME
from auricle.types import Pcm

HEARD_WELL_RMS = 0.06
"""The level, about -24 dBFS, that quiet audio is raised to."""

MAX_GAIN = 100.0

NEAR = 62
"""Frames on either side, 2 s, whose loudest counts: a pause between words is not raised."""

STEADY = 1
"""Frames on either side that must be as loud, so that a click is not taken for a voice."""

_SMOOTH = NEAR // 2
_FAINTEST = 1e-6

Levels = NDArray[np.float64]
"""The level of each frame, ``(n_frames,)``."""

NO_LEVELS: Levels = np.zeros(0)


def with_gain(pcm: Pcm, before: Levels) -> tuple[Pcm, Levels]:
    """A copy of ``pcm`` as the detector hears it well, and what the next call gets as ``before``.

    ``before`` is `NO_LEVELS` for the first stretch of a recording. The stretches, except the last,
    are whole frames.
    """
    n_frames = len(pcm) // FRAME
    if n_frames == 0:
        return pcm, before
    frames = pcm[: n_frames * FRAME].reshape(n_frames, FRAME)
    levels = np.sqrt(np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / FRAME)
    known = np.concatenate([before, levels])
    steady = _around(known, STEADY, np.min)
    nearby = _around(steady, NEAR, np.max)
    smooth = np.exp(_around(np.log(np.maximum(nearby, _FAINTEST)), _SMOOTH, np.mean))
    gains = np.clip(HEARD_WELL_RMS / smooth[len(before) :], 1.0, MAX_GAIN).astype(np.float32)
    gain = np.repeat(gains, FRAME)
    rest = np.full(len(pcm) - len(gain), gains[-1])
    raised = np.clip(pcm * np.concatenate([gain, rest]), -1.0, 1.0)
    return raised, known[-(NEAR + _SMOOTH + STEADY) :]


def _around(levels: Levels, n: int, summary: Callable[..., Levels]) -> Levels:
    """The summary of each value with ``n`` on either side, as far as they exist."""
    padded = np.pad(levels, n, mode="edge")
    return summary(sliding_window_view(padded, 2 * n + 1), axis=1)

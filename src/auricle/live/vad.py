"""How likely speech is in each frame of a stream that is still going on.

Knows nothing about turns. What is remembered of a stream is a value: it goes in and comes out.

As in recordings, quiet audio is raised before it is judged, and where nobody has spoken for a while
the detector begins anew: see `auricle.speech.gain` and `auricle.speech.streaming_vad`. But what
follows is not known here, so the gain falls as soon as somebody speaks up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from auricle.speech.gain import HEARD_WELL_RMS, MAX_GAIN
from auricle.speech.streaming_vad import HEARD_AGAIN, PERHAPS, STRETCH
from auricle.speech.vad import F32, FRAME, SpeechDetector, VadState
from auricle.types import Pcm

STEADY_FRAMES = 3
"""A shorter sound is a click, and does not set the gain."""

NEAR_FRAMES = 62
"""The loudest of 2 s counts: a pause between words is not raised."""

BACKGROUND_RMS = 0.003
"""The quietest of 2 s, the room, is raised to -50 dBFS at most: a detector that hears a loud room
first notices a voice 0.1 to 0.8 s later."""

_FAINTEST = 1e-6
"""A lower level is digital silence, and tells nothing about the room."""


@dataclass(frozen=True, slots=True)
class SpeechState:
    """What is remembered of one stream; a few kilobytes, and 4 s of audio while nobody speaks."""

    vad: VadState
    levels: F32
    """Root mean square of the last frames, ``(64,)``."""
    rest: Pcm
    """Samples that do not fill a frame yet."""
    quiet: Pcm
    """The end of what was heard, raised, since somebody may have spoken last."""
    n_quiet: int
    """Samples heard since then."""

    @classmethod
    def initial(cls) -> SpeechState:
        """The state before the first sample."""
        levels = np.zeros(NEAR_FRAMES + STEADY_FRAMES - 1, np.float32)
        nothing = np.zeros(0, np.float32)
        return cls(VadState.initial(), levels, nothing, nothing, 0)


def probabilities(
    detector: SpeechDetector, streams: Sequence[tuple[Pcm, SpeechState]]
) -> list[tuple[F32, SpeechState]]:
    """For each stream, whose next pcm and state are given: how likely each frame of 512 samples
    that its pcm completes is speech, ``(n_frames,)``, and the state behind it.

    Streams that complete as many frames are heard together: 16 of them take a quarter of the time
    they take one by one.
    """
    pieces = [_Piece.of(pcm, state) for pcm, state in streams]
    for n_frames in {len(piece.frames) for piece in pieces} - {0}:
        _detect(detector, [piece for piece in pieces if len(piece.frames) == n_frames])
    return [(piece.found, piece.state) for piece in pieces]


@dataclass(slots=True)
class _Piece:
    """The whole frames of a stream's next audio."""

    frames: F32
    """``(n_frames, 512)``, raised."""
    state: SpeechState
    found: F32 = field(default_factory=lambda: np.zeros(0, np.float32))

    @classmethod
    def of(cls, pcm: Pcm, state: SpeechState) -> _Piece:
        audio = np.concatenate([state.rest, pcm])
        n_samples = len(audio) // FRAME * FRAME
        frames = audio[:n_samples].reshape(-1, FRAME)
        gains, levels = _gains(frames, state.levels)
        raised = np.clip(frames * gains, -1.0, 1.0)
        return cls(raised, replace(state, levels=levels, rest=audio[n_samples:]))


def _detect(detector: SpeechDetector, pieces: Sequence[_Piece]) -> None:
    """Find the probabilities of pieces of equal length, and the states behind them."""
    pcms = np.stack([piece.frames.reshape(-1) for piece in pieces])
    before = [piece.state.vad for piece in pieces]
    found, after = detector.probabilities(pcms, VadState.batched(before))
    for piece, pcm, own, vad in zip(pieces, pcms, found, after.streams(), strict=True):
        piece.found, piece.state = own, replace(piece.state, vad=vad)
        if own.max() >= PERHAPS:
            piece.state = replace(piece.state, quiet=pcm[:0], n_quiet=0)
        else:
            piece.state = _in_quiet(detector, piece.state, pcm)


def _in_quiet(detector: SpeechDetector, state: SpeechState, pcm: Pcm) -> SpeechState:
    """The state behind ``pcm`` in which nobody spoke: in the end the detector begins anew."""
    quiet = np.concatenate([state.quiet, pcm])[-HEARD_AGAIN:]
    n_quiet = state.n_quiet + len(pcm)
    if n_quiet < STRETCH:
        return replace(state, quiet=quiet, n_quiet=n_quiet)
    _, vad = detector.probabilities(quiet, VadState.initial())
    return replace(state, vad=vad, quiet=quiet, n_quiet=0)


def _gains(frames: F32, before: F32) -> tuple[F32, F32]:
    """The gain of each frame, ``(n_frames, 1)``, and the levels to remember."""
    levels = np.concatenate([before, np.sqrt(np.square(frames).mean(axis=1))])
    around = sliding_window_view(levels, STEADY_FRAMES)
    loudest = _near(around.min(axis=1)).max(axis=1)
    quiet = around.max(axis=1)
    quietest = _near(np.where(quiet < _FAINTEST, np.inf, quiet)).min(axis=1)
    wanted = HEARD_WELL_RMS / np.maximum(loudest, _FAINTEST)
    gains = np.clip(np.minimum(wanted, BACKGROUND_RMS / quietest), 1.0, MAX_GAIN)
    return gains.astype(np.float32)[:, None], levels[len(frames) :]


def _near(values: F32) -> F32:
    """The values of the last 2 s before each of the new ones, ``(n_frames, 62)``."""
    return sliding_window_view(values, NEAR_FRAMES)[1:]

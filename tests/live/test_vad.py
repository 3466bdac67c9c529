"""Speech in a stream is heard however it is cut, however quiet, and after long noise."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from auricle.live.vad import SpeechState, probabilities
from auricle.speech.streaming_vad import HEARD_AGAIN
from auricle.speech.vad import F32, SpeechDetector
from auricle.types import Pcm

DETECTOR = SpeechDetector()
SAMPLES = Path(__file__).parents[2] / "samples"
SPEECH = ((12, 69), (104, 118), (125, 136), (170, 237), (257, 328))
"""The frames of jfk.wav in which somebody speaks, as the detector hears it in a file."""


def speech() -> Pcm:
    with wave.open(str(SAMPLES / "jfk.wav")) as wav:
        raw = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
    return (raw / 32768).astype(np.float32)


def noise(seconds: int, rms: float) -> Pcm:
    return np.random.default_rng(1).normal(0, rms, seconds * 16_000).astype(np.float32)


def listen(pcm: Pcm, size: int = 1600, state: SpeechState | None = None) -> tuple[F32, SpeechState]:
    state = state or SpeechState.initial()
    found = []
    for at in range(0, len(pcm), size):
        [(part, state)] = probabilities(DETECTOR, [(pcm[at : at + size], state)])
        found.append(part)
    return np.concatenate(found), state


def share_heard(found: F32) -> float:
    """How much of the speech is heard."""
    return float(np.concatenate([found[first:last] > 0.5 for first, last in SPEECH]).mean())


@pytest.mark.parametrize("size", [500, 512, 176_000])
def test_where_the_stream_is_cut_changes_nothing(size):
    whole, _ = listen(speech(), 1600)
    found, _ = listen(speech(), size)
    assert np.allclose(found, whole, atol=1e-5)


@pytest.mark.parametrize("gain_db", [0, -20, -40])
def test_a_quiet_voice_is_heard_as_well_as_a_loud_one(gain_db):
    found, _ = listen((speech() * 10 ** (gain_db / 20)).astype(np.float32))
    assert share_heard(found) > 0.85


def test_a_voice_after_digital_silence_is_heard():
    """The gain of silence is great; it falls with the first frames of a voice."""
    found, _ = listen(np.concatenate([np.zeros(160_000, np.float32), speech()]))
    assert (found[:312] < 0.5).all()
    assert share_heard(found[312:]) > 0.9


@pytest.mark.parametrize("rms", [0.001, 0.2])
def test_a_voice_after_noise_is_heard(rms):
    before, state = listen(noise(45, rms), 16_000)
    assert (before[62:] < 0.5).all()
    found, _ = listen(speech(), state=state)
    assert share_heard(found) > 0.85


def test_what_is_remembered_does_not_grow():
    _, state = listen(noise(30, 0.1), 16_000)
    assert len(state.quiet) == HEARD_AGAIN
    _, state = listen(speech(), state=state)
    assert len(state.quiet) < HEARD_AGAIN
    assert len(state.levels) == 64


def test_streams_that_are_heard_together_do_not_hear_each_other():
    """They come in pieces of unlike length, so that some complete more frames than others."""
    pcms = [speech(), noise(11, 0.1), speech()[::-1].copy()]
    sizes = [1600, 1000, 1600]
    alone = [listen(pcm, 1600)[0] for pcm in pcms]
    states = [SpeechState.initial() for _ in pcms]
    found: list[list[F32]] = [[] for _ in pcms]
    for i in range(len(pcms[0]) // 1600):
        pieces = [pcm[i * n : (i + 1) * n] for pcm, n in zip(pcms, sizes, strict=True)]
        answers = probabilities(DETECTOR, list(zip(pieces, states, strict=True)))
        states = [state for _, state in answers]
        for own, (part, _) in zip(found, answers, strict=True):
            own.append(part)
    for parts, expected in zip(found, alone, strict=True):
        together = np.concatenate(parts)
        assert np.allclose(together, expected[: len(together)], atol=1e-4)

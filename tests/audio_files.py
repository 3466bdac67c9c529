"""The recordings that tests read, all of them in this repository."""

from __future__ import annotations

import io
import re
import wave
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from auricle.types import SAMPLE_RATE, Pcm

SAMPLES = Path(__file__).parent.parent / "samples"

JFK_WORDS = (
    "and so my fellow americans ask not what your country can do for you "
    "ask what you can do for your country"
)

ENDING_WORDS = "ask what you can do for your country"


def words(text: str) -> str:
    """What is said, without how it is written: models differ in commas."""
    return re.sub(r"[^\w\s]", "", text).lower().strip()


MAX_LIVE_ERRORS = 0.2
"""The share of words that a small model may have wrong in a live text: how much it had heard when
it was asked depends on the machine. A sentence that is lost or said twice is more."""


def check_live(said: str, expected: str = JFK_WORDS) -> None:
    """Whether a live text has all that was said, as well as a small model hears it in pieces."""
    right = expected.split()
    n_wrong = Levenshtein.distance(words(said).split(), right)
    assert n_wrong <= max(2, MAX_LIVE_ERRORS * len(right)), said


def read_wav(path: Path) -> Pcm:
    """A 16 kHz mono 16-bit wav as pcm, without the decoder that is under test elsewhere."""
    with wave.open(str(path)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
        raw = wav.readframes(wav.getnframes())
    return np.frombuffer(raw, np.int16).astype(np.float32) / np.float32(32768)


def music(seconds: float) -> Pcm:
    """Chords, each half a second."""
    at_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    root = 220 * 2 ** (np.array([0, 5, 7, 3])[(at_s * 2).astype(int) % 4] / 12)
    chord = sum(np.sin(2 * np.pi * root * step * at_s) for step in (1.0, 1.25, 1.5))
    music: Pcm = (0.1 * np.exp(-4 * (at_s % 0.5)) * chord).astype(np.float32)
    return music


def wav(pcm: Pcm) -> bytes:
    """The bytes of a 16 kHz mono 16-bit wav; `read_wav` undoes it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes(np.round(pcm * 32768).clip(-32768, 32767).astype("<i2").tobytes())
    return file.getvalue()


def ending() -> bytes:
    """A wav of the last 3.2 s of the sample: a third of the work, and as clear to any model."""
    return wav(read_wav(SAMPLES / "jfk.wav")[124_800:])

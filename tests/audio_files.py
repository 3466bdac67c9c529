"""The recordings that tests read, all of them in this repository."""

from __future__ import annotations

import re
import wave
from pathlib import Path

import numpy as np

from auricle.types import Pcm

SAMPLES = Path(__file__).parent.parent / "samples"

JFK_WORDS = (
    "and so my fellow americans ask not what your country can do for you "
    "ask what you can do for your country"
)


def words(text: str) -> str:
    """What is said, without how it is written: models differ in commas."""
    return re.sub(r"[^\w\s]", "", text).lower().strip()


def read_wav(path: Path) -> Pcm:
    """A 16 kHz mono 16-bit wav as pcm, without the decoder that is under test elsewhere."""
    with wave.open(str(path)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
        raw = wav.readframes(wav.getnframes())
    return np.frombuffer(raw, np.int16).astype(np.float32) / np.float32(32768)

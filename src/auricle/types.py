"""The nouns that travel between layers: pcm, window, segment, transcript, options.

Knows nothing about where audio comes from, which engine reads it or how text is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from auricle.config import AudioContext, Decoding

SAMPLE_RATE = 16_000
"""Samples per second of every Pcm; what Whisper was trained on."""

MAX_WINDOW_S = 30.0
"""The longest window Whisper's encoder takes: 3000 mel frames of 10 ms."""

Pcm: TypeAlias = NDArray[np.float32]
"""Mono audio at 16 kHz, ``(n_samples,) float32`` in [-1, 1]."""

Task = Literal["transcribe", "translate"]


class Segment(msgspec.Struct, frozen=True):
    """A stretch of text with its times, as Whisper's timestamp tokens delimit it.

    ``text`` keeps Whisper's leading space (languages written without spaces have none) and has no
    trailing space, so the transcript is the plain concatenation of its segments, stripped.
    ``tokens`` are text and timestamp ids as generated. The three quality figures belong to the
    window the segment came from, as in openai-whisper's ``transcribe``.
    """

    start_s: float
    end_s: float
    text: str
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    seek: int = 0
    """Start of the window, in mel frames of 10 ms from the start of the recording."""


class Language(msgspec.Struct, frozen=True):
    """A language code of the model (``en``) and how sure detection is; 1.0 is never invented:
    ``probability`` is None when the language was given rather than detected."""

    code: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """At most 30 s of a recording, cut in silence, handed to the engine in one piece.

    ``start_s`` is the absolute time of ``pcm[0]``. ``speech_s`` is how much of it the voice
    activity detector calls speech (its whole length when detection is off).
    """

    index: int
    start_s: float
    pcm: Pcm
    speech_s: float

    @property
    def duration_s(self) -> float:
        return len(self.pcm) / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Options:
    """What a request asks of the transcription itself; how the answer is rendered is not here.

    ``language`` None means: detect it on the first speech and keep it for the recording.
    ``temperature`` 0 is greedy or beam search; above 0 the engine samples at that temperature.
    """

    task: Task = "transcribe"
    language: str | None = None
    prompt: str | None = None
    temperature: float = 0.0
    decoding: Decoding = "accurate"
    beam_size: int = 5
    audio_context: AudioContext = "auto"
    vad: bool = True
    vad_threshold: float = 0.5


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole answer, once its last segment is known. ``language`` is None without speech."""

    task: Task
    language: Language | None
    duration_s: float
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()

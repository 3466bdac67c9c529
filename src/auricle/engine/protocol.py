"""What an engine is to the rest of Auricle: windows are encoded, encoded windows are decoded.

Knows nothing about processes, queues or CTranslate2. The scheduler decides what runs when; an
engine runs what it is given. Messages are structs, so that an engine may live in another process.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from auricle.types import Language, Segment, Task


class ModelInfo(msgspec.Struct, frozen=True, tag=True):
    """What a loaded model can do, read from its own files."""

    languages: tuple[str, ...]
    """Codes it was trained on; a single one for an English-only model."""
    multilingual: bool
    """Whether it takes language and task tokens: it can detect languages and translate."""
    n_mels: int
    device: str
    compute_type: str
    workers: int
    """How many jobs it runs at the same time; the scheduler never sends more."""


class EncodeRow(msgspec.Struct, frozen=True):
    """One window of audio in an encode job."""

    window_id: int
    pcm: bytes
    """``(n_samples,) float32`` little-endian, 16 kHz mono, no longer than the job's frames."""
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    prefix: str | None = None
    detect_language: bool = False
    languages: tuple[str, ...] = ()
    """What detection chooses from; empty: all."""


class EncodeJob(msgspec.Struct, frozen=True, tag=True):
    """Turn windows into encoder states, kept in the engine under their ids."""

    rows: tuple[EncodeRow, ...]
    n_frames: int
    """Mel frames of 10 ms the encoder sees: a window's audio, then silence. At most 3000."""
    is_alone: bool = False
    """Nothing else is to be done now: all cores may work on it. The states are the same."""


class EncodedWindow(msgspec.Struct, frozen=True):
    """The encoder states of a window are ready to decode."""

    n_prompt_tokens: int
    """Length of the tokenised prompt: windows decode together only when theirs are equal."""
    language: Language | None = None
    """The detected language, when asked for and the model knows several."""


class Encoded(msgspec.Struct, frozen=True, tag=True):
    """One answer per row, in the order of the rows."""

    windows: tuple[EncodedWindow, ...]


class DecodeRow(msgspec.Struct, frozen=True):
    """One encoded window in a decode job."""

    window_id: int
    start_s: float
    """Absolute time of the window's first sample; added to every time in the answer."""
    duration_s: float
    language: str | None
    task: Task
    words: bool = False
    """Also find the times of words."""
    logprobs: bool = False
    """Also give every token's log-probability."""
    is_guided: bool = True
    """With the prompt, keywords and prefix it was encoded with, if any."""


class DecodeJob(msgspec.Struct, frozen=True, tag=True):
    """Generate text for windows that share frames, beam, temperature and prompt length."""

    rows: tuple[DecodeRow, ...]
    beam_size: int
    temperature: float
    max_new_tokens: int = 224
    """Where a row that does not end by itself is cut; at most 224, half of Whisper's positions."""
    patience: float = 1.0
    suppress_tokens: tuple[int, ...] = (-1,)


class WindowText(msgspec.Struct, frozen=True):
    """What one window says: segments with absolute times, in order.

    The quality figures are those of openai-whisper's ``DecodingResult`` for the whole window.
    ``resume_s`` is the absolute time where the text stops although the window goes on (the model
    ended early, or reached its token limit); None when the whole window was read. The caller
    submits the rest as a window of its own.
    """

    segments: tuple[Segment, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    resume_s: float | None = None
    last_timestamp_s: float | None = None
    """The absolute time of the last timestamp; None for a window without text."""
    is_truncated: bool = False
    """The row reached ``max_new_tokens``."""
    overruns_audio: bool = False
    """Text begins clearly behind the end of the audio: the model heard words in silence."""


class Decoded(msgspec.Struct, frozen=True, tag=True):
    """One answer per row, in the order of the rows. The encoder states stay until released."""

    windows: tuple[WindowText, ...]


class ReleaseJob(msgspec.Struct, frozen=True, tag=True):
    """Let go of encoder states that will not be decoded again. Needs no worker."""

    window_ids: tuple[int, ...]


class EngineDied(Exception):
    """The engine is gone with all its encoder states. The message says how it ended."""


class Engine(Protocol):
    """Runs jobs; at most ``info.workers`` at a time. All methods are for the event loop.

    Every method but `close` raises `EngineDied` when the engine is gone; the caller starts
    another and encodes its windows again. Other errors are `auricle.errors.AuricleError` and
    concern only the job they answer.
    """

    info: ModelInfo

    async def encode(self, job: EncodeJob) -> Encoded: ...

    async def decode(self, job: DecodeJob) -> Decoded: ...

    async def release(self, job: ReleaseJob) -> None: ...

    async def close(self) -> None: ...

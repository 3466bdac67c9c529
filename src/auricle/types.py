"""The nouns that travel between layers: pcm, window, segment, transcript, options.

Knows nothing about where audio comes from, which engine reads it or how text is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec

if TYPE_CHECKING:  # settings and flags need the words here, and no numbers
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Samples per second of every Pcm; what Whisper was trained on."""

Pcm: TypeAlias = "NDArray[np.float32]"
"""Mono audio at 16 kHz, ``(n_samples,) float32`` in [-1, 1]."""

Task = Literal["transcribe", "translate"]
LanguageDetection = Literal["once", "window"]
"""On the first speech, kept for the whole recording; or on every window, for mixed recordings."""
DecodingPreset = Literal["accurate", "balanced", "fast"]
"""Beam search; beam search where greedy decoding is unsure; greedy decoding."""
AudioContext = Literal["auto", "full"]
"""How much the encoder sees: the audio and a margin, or always 30 s as Whisper was trained."""
LibraryName = Literal["ctranslate2", "openvino"]
"""What a model is computed with."""
Format = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]
"""How an answer is written."""

FORMATS: tuple[Format, ...] = get_args(Format)
SUBTITLES: tuple[Format, ...] = ("srt", "vtt")
"""Formats of cues, whose size can be asked for."""


class Token(msgspec.Struct, frozen=True):
    """A token of text (never a timestamp) and its own log-probability, natural logarithm."""

    id: int
    raw: bytes
    """Its UTF-8; possibly only a part of a character."""
    logprob: float


class Word(msgspec.Struct, frozen=True):
    """A word with its times, absolute. ``text`` keeps the leading space and the punctuation that
    belongs to it, so that a segment's text is the plain concatenation of its words."""

    text: str
    start_s: float
    end_s: float
    probability: float
    """Mean probability of its tokens, 0 to 1."""
    speaker: str | None = None
    """Who says it, where speakers were asked for."""
    overlapping: tuple[str, ...] = ()
    """Who else speaks during half of it or more."""


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
    words: tuple[Word, ...] | None = None
    """None unless word times were asked for."""
    logprobs: tuple[Token, ...] | None = None
    """None unless token probabilities were asked for."""
    language: str | None = None
    """The language the window was read in."""
    speaker: str | None = None
    """Who says it, where speakers were asked for: a segment is one speaker's then."""
    overlapping: tuple[str, ...] = ()
    """Who else speaks during half or more of one of its words."""


class Speaker(msgspec.Struct, frozen=True):
    """Somebody who speaks in a recording."""

    name: str
    """A known voice's name; of others a letter, ``A`` for whoever speaks first."""
    is_known: bool
    """Whether the name was given with a reference."""
    speech_s: float
    """For how long they speak."""
    embedding: tuple[float, ...] = ()
    """192 numbers, of length 1: voices whose cosine is 0.5 or more are one person's. Empty where
    nobody told voices apart."""


class AudioTrack(msgspec.Struct, frozen=True):
    """Which audio track of a file is read: the ``number``-th of ``count``, from 1."""

    number: int
    count: int
    language: str | None = None
    """Code of the language the file says it is in, if it does."""
    n_channels: int = 1


class Language(msgspec.Struct, frozen=True):
    """A language code of the model (``en``) and how sure detection is; 1.0 is never invented:
    ``probability`` is None when the language was given rather than detected."""

    code: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """At most 30 s of a recording, cut in silence, handed to the engine in one piece.

    ``start_s`` is the absolute time of ``pcm[0]``. ``speech`` is where in it the voice activity
    detector hears somebody: absolute ``(start_s, end_s)``, in order.
    """

    index: int
    start_s: float
    pcm: Pcm
    speech: tuple[tuple[float, float], ...]

    @property
    def speech_s(self) -> float:
        """For how long somebody speaks in it."""
        return sum(end_s - start_s for start_s, end_s in self.speech)

    @property
    def duration_s(self) -> float:
        return len(self.pcm) / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """Somebody a client knows, and a short recording in which only they speak."""

    name: str
    reference: bytes = field(repr=False)
    """A whole file, in any container and codec."""


@dataclass(frozen=True, slots=True)
class SpeakerOptions:
    """What is known about who speaks: how many there are, and who may be among them."""

    at_least: int = 1
    at_most: int | None = None
    known: tuple[KnownVoice, ...] = ()
    by_channel: bool = False
    """Each channel is a speaker: voices are not listened to."""


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What a request asks of the transcription itself; how the answer is rendered is not here.

    ``language`` None means: detect it on the first speech and keep it for the recording.
    ``temperature`` 0 is greedy or beam search; above 0 the engine samples at that temperature.
    """

    task: Task = "transcribe"
    language: str | None = None
    prompt: str | None = None
    temperature: float = 0.0
    decoding: DecodingPreset = "accurate"
    beam_size: int = 5
    audio_context: AudioContext = "auto"
    vad: bool = True
    vad_threshold: float = 0.5
    audio_track: str | None = None
    """Number, from 1, or language of the track that is read; None: the best of the file."""
    audio_channel: int | None = None
    """Which channel of it, from 0; None: all of them mixed."""
    languages: tuple[str, ...] = ()
    """What detection chooses from; empty: everything the model knows."""
    language_detection: LanguageDetection = "once"
    words: bool = False
    """Find the times of words."""
    logprobs: bool = False
    """Give every token's log-probability."""
    keywords: tuple[str, ...] = ()
    """Terms that may be said: the model is made to expect them."""
    keyword_boosts: tuple[tuple[str, float], ...] = ()
    """How much more than others some of them are expected: 1 is usual; 0 or less: not at all."""
    prefix: str | None = None
    """Text the first window begins with, as if the model had already written it."""
    previous_text: bool = False
    """Read windows one after the other, each with the text before it as context."""
    patience: float = 1.0
    """How much longer than usual beam search goes on looking; 1 is usual."""
    suppress_tokens: tuple[int, ...] = (-1,)
    """Token ids never generated; -1 stands for the model's own list of symbols."""
    speakers: SpeakerOptions | None = None
    """Tell who says what; None: nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole answer, once its last segment is known. ``language`` is None without speech."""

    task: Task
    language: Language | None
    duration_s: float
    segments: tuple[Segment, ...]
    track: AudioTrack | None = None
    """Which audio track it is of."""
    warnings: tuple[str, ...] = ()
    """What of the recording could not be read, in words."""
    speakers: tuple[Speaker, ...] | None = None
    """Who speaks, in the order in which they are first heard; None: nobody asked."""

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in order; empty unless they were asked for."""
        return tuple(word for segment in self.segments for word in segment.words or ())

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()

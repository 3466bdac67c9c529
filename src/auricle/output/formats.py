"""A transcript as json, verbose_json, diarized_json, text, SubRip (srt) or WebVTT (vtt).

Knows nothing about requests or files: a `Transcript` goes in, a body comes out. Server and command
line share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from auricle.output import plain_text
from auricle.output.speaker_bodies import (
    TIME_DECIMALS,
    DiarizedSegment,
    SpeakerBody,
    diarized,
    speakers,
)
from auricle.output.subtitles import Shape
from auricle.types import SUBTITLES, Format, Segment, Task, Token, Transcript, Word
from auricle.whisper import languages


@dataclass(frozen=True, slots=True)
class Style:
    """How a transcript is written: the format, and what of the transcript it shows."""

    format: Format = "json"
    segments: bool = True
    """In ``verbose_json``."""
    words: bool = False
    """In ``verbose_json`` and ``json``: the times of words."""
    logprobs: bool = False
    """In ``json``: token log-probabilities."""
    languages: bool = False
    """In ``json`` and ``diarized_json``: the languages that were spoken."""
    speakers: bool = False
    """In all but ``json``: who speaks."""
    embeddings: bool = False
    """In ``verbose_json`` and ``diarized_json``: what the speakers sound like."""
    cues: Shape = field(default_factory=Shape)
    """In subtitles: how large a cue may be."""

    @property
    def shows_word_times(self) -> bool:
        """Whether the transcript has to have them: subtitles are split by them."""
        return self.words or (self.format in SUBTITLES and self.cues.may_split)


@dataclass(frozen=True, slots=True)
class Kind:
    """A format: how a transcript is written in it, and what that can show."""

    render: Callable[[Transcript, Style], bytes]
    content_type: str
    """What OpenAI sends: its JavaScript client parses by content type, so subtitles are never JSON
    and JSON is never text."""
    suffix: str
    """Of a file of it."""
    shows_speakers: bool = True
    is_streamed: bool = False
    """Whether a stream of events can stand for it; the others carry times, and are not streamed."""


FIGURE_DECIMALS = 4
"""Of log-probabilities, ratios and the like: enough to compare, without float noise."""


class Usage(msgspec.Struct, frozen=True):
    """How much audio was transcribed: whole seconds, rounded up."""

    seconds: int
    type: Literal["duration"] = "duration"


class TokenLogprob(msgspec.Struct, frozen=True):
    """A token of the text and its log-probability. A token that holds only a part of a character is
    shown as ``bytes:\\xe2\\x80``; the ``bytes`` of all tokens joined are the UTF-8 text."""

    token: str
    logprob: float
    bytes: tuple[int, ...]


class SpokenLanguage(msgspec.Struct, frozen=True):
    """A language that was spoken, by its code."""

    code: str


class VerboseWord(msgspec.Struct, frozen=True):
    """One word with the punctuation that belongs to it; times in seconds.
    ``probability`` is the mean of its tokens'. ``speaker`` is there with ``diarize``, and
    ``overlapping_speakers`` where others speak during half of the word or more."""

    word: str
    start: float
    end: float
    probability: float
    speaker: str | msgspec.UnsetType = msgspec.UNSET
    overlapping_speakers: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class JsonBody(msgspec.Struct, frozen=True, kw_only=True):
    """``response_format=json``; ``logprobs`` only with ``include[]=logprobs``, ``words`` only with
    ``timestamp_granularities[]=word``. ``languages`` are there for the model gpt-transcribe, with
    ``include[]=languages``, ``languages[]`` and ``language_detection=window``."""

    text: str
    words: tuple[VerboseWord, ...] | msgspec.UnsetType = msgspec.UNSET
    logprobs: tuple[TokenLogprob, ...] | msgspec.UnsetType = msgspec.UNSET
    languages: tuple[SpokenLanguage, ...] | msgspec.UnsetType = msgspec.UNSET
    usage: Usage


class VerboseSegment(msgspec.Struct, frozen=True):
    """One segment of ``verbose_json``; times in seconds, ``seek`` in frames of 10 ms. ``speaker``
    is there with ``diarize``, and ``overlapping_speakers`` where others speak at the same time."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    speaker: str | msgspec.UnsetType = msgspec.UNSET
    overlapping_speakers: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class AudioTrackBody(msgspec.Struct, frozen=True):
    """Which audio track was read, the ``number``-th of ``count``; ``language`` as the file says."""

    number: int
    count: int
    language: str | msgspec.UnsetType = msgspec.UNSET


class VerboseBody(msgspec.Struct, frozen=True, kw_only=True):
    """``response_format=verbose_json``. ``language`` is an English name in lower case, empty when
    the recording holds no speech to tell it by. ``language_probability`` is there when the language
    was detected, ``segments`` and ``words`` as ``timestamp_granularities[]`` asks, ``audio_track``
    for a file with several, ``speakers`` with ``diarize``. ``warnings`` say what of the recording
    could not be read."""

    task: Task
    language: str
    language_probability: float | msgspec.UnsetType = msgspec.UNSET
    duration: float
    text: str
    segments: tuple[VerboseSegment, ...] | msgspec.UnsetType = msgspec.UNSET
    words: tuple[VerboseWord, ...] | msgspec.UnsetType = msgspec.UNSET
    speakers: tuple[SpeakerBody, ...] | msgspec.UnsetType = msgspec.UNSET
    audio_track: AudioTrackBody | msgspec.UnsetType = msgspec.UNSET
    warnings: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    usage: Usage


class DiarizedBody(msgspec.Struct, frozen=True, kw_only=True):
    """``response_format=diarized_json``; ``words`` only with ``timestamp_granularities[]=word``,
    ``languages`` where ``json`` has them. ``warnings`` say what of the recording could not be
    read."""

    task: Task
    duration: float
    text: str
    segments: tuple[DiarizedSegment, ...]
    words: tuple[VerboseWord, ...] | msgspec.UnsetType = msgspec.UNSET
    speakers: tuple[SpeakerBody, ...]
    languages: tuple[SpokenLanguage, ...] | msgspec.UnsetType = msgspec.UNSET
    warnings: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    usage: Usage


def render(transcript: Transcript, style: Style) -> bytes:
    """The body of an answer in a style, UTF-8; valid also when nothing was said."""
    return KINDS[style.format].render(transcript, style)


def usage(duration_s: float) -> Usage:
    """``duration_s`` to the next whole second; float noise does not make a second."""
    return Usage(math.ceil(round(duration_s, TIME_DECIMALS)))


def logprobs(tokens: Iterable[Token]) -> tuple[TokenLogprob, ...]:
    """Tokens as OpenAI shows them."""
    return tuple(
        TokenLogprob(_shown(token.raw), round(token.logprob, FIGURE_DECIMALS), tuple(token.raw))
        for token in tokens
    )


def spoken(segments: Iterable[Segment]) -> tuple[SpokenLanguage, ...]:
    """The languages of a transcript, in the order in which they are first heard."""
    codes = dict.fromkeys(each.language for each in segments if each.language)
    return tuple(SpokenLanguage(code) for code in codes)


def _shown(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "bytes:" + repr(raw)[2:-1]


def _json(transcript: Transcript, style: Style) -> bytes:
    tokens = (token for segment in transcript.segments for token in segment.logprobs or ())
    body = JsonBody(
        text=transcript.text,
        words=words(transcript.words) if style.words else msgspec.UNSET,
        logprobs=logprobs(tokens) if style.logprobs else msgspec.UNSET,
        languages=spoken(transcript.segments) if style.languages else msgspec.UNSET,
        usage=usage(transcript.duration_s),
    )
    return msgspec.json.encode(body)


def _verbose_json(transcript: Transcript, style: Style) -> bytes:
    segments = tuple(_verbose(i, segment) for i, segment in enumerate(transcript.segments))
    body = VerboseBody(
        task=transcript.task,
        language=_language_name(transcript),
        language_probability=_language_probability(transcript),
        duration=round(transcript.duration_s, TIME_DECIMALS),
        text=transcript.text,
        segments=segments if style.segments else msgspec.UNSET,
        words=words(transcript.words) if style.words else msgspec.UNSET,
        speakers=speakers(transcript.speakers, embeddings=style.embeddings),
        audio_track=_track(transcript),
        warnings=transcript.warnings or msgspec.UNSET,
        usage=usage(transcript.duration_s),
    )
    return msgspec.json.encode(body)


def _diarized_json(transcript: Transcript, style: Style) -> bytes:
    segments = (diarized(i, segment) for i, segment in enumerate(transcript.segments))
    body = DiarizedBody(
        task=transcript.task,
        duration=round(transcript.duration_s, TIME_DECIMALS),
        text=transcript.text,
        segments=tuple(segments),
        words=words(transcript.words) if style.words else msgspec.UNSET,
        speakers=speakers(transcript.speakers, embeddings=style.embeddings) or (),
        languages=spoken(transcript.segments) if style.languages else msgspec.UNSET,
        warnings=transcript.warnings or msgspec.UNSET,
        usage=usage(transcript.duration_s),
    )
    return msgspec.json.encode(body)


def _track(transcript: Transcript) -> AudioTrackBody | msgspec.UnsetType:
    """Which track it was, where there was a choice."""
    track = transcript.track
    if track is None or track.count == 1:
        return msgspec.UNSET
    return AudioTrackBody(track.number, track.count, track.language or msgspec.UNSET)


def words(found: Iterable[Word]) -> tuple[VerboseWord, ...]:
    """Words as OpenAI shows them."""
    return tuple(
        VerboseWord(
            word=word.text.strip(),
            start=round(word.start_s, TIME_DECIMALS),
            end=round(word.end_s, TIME_DECIMALS),
            probability=round(word.probability, FIGURE_DECIMALS),
            speaker=word.speaker or msgspec.UNSET,
            overlapping_speakers=word.overlapping or msgspec.UNSET,
        )
        for word in found
    )


def _language_probability(transcript: Transcript) -> float | msgspec.UnsetType:
    """How sure detection was of the language named: of a translation's, there is nothing to say."""
    found = transcript.language
    if transcript.task == "translate" or found is None or found.probability is None:
        return msgspec.UNSET
    return round(found.probability, FIGURE_DECIMALS)


def _language_name(transcript: Transcript) -> str:
    """OpenAI names the language of the text, so a translation is always english."""
    if transcript.task == "translate":
        return "english"
    if transcript.language is None:
        return ""
    return languages.NAMES.get(transcript.language.code, transcript.language.code)


def _verbose(index: int, segment: Segment) -> VerboseSegment:
    return VerboseSegment(
        id=index,
        seek=segment.seek,
        start=round(segment.start_s, TIME_DECIMALS),
        end=round(segment.end_s, TIME_DECIMALS),
        text=segment.text,
        tokens=segment.tokens,
        temperature=round(segment.temperature, FIGURE_DECIMALS),
        avg_logprob=round(segment.avg_logprob, FIGURE_DECIMALS),
        compression_ratio=round(segment.compression_ratio, FIGURE_DECIMALS),
        no_speech_prob=round(segment.no_speech_prob, FIGURE_DECIMALS),
        speaker=segment.speaker or msgspec.UNSET,
        overlapping_speakers=segment.overlapping or msgspec.UNSET,
    )


_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"

KINDS: Final[Mapping[Format, Kind]] = {
    "json": Kind(_json, _JSON, ".json", shows_speakers=False, is_streamed=True),
    "text": Kind(
        lambda transcript, style: plain_text.text(transcript, with_speakers=style.speakers),
        _TEXT,
        ".txt",
        is_streamed=True,
    ),
    "srt": Kind(lambda transcript, style: plain_text.srt(transcript, style.cues), _TEXT, ".srt"),
    "verbose_json": Kind(_verbose_json, _JSON, ".json"),
    "vtt": Kind(lambda transcript, style: plain_text.vtt(transcript, style.cues), _TEXT, ".vtt"),
    "diarized_json": Kind(_diarized_json, _JSON, ".json", is_streamed=True),
}
"""Every format."""

CONTENT_TYPES: Final = {name: kind.content_type for name, kind in KINDS.items()}

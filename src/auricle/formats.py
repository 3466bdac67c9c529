"""A transcript as json, verbose_json, text, SubRip (srt) or WebVTT (vtt).

Knows nothing about HTTP or files: a `Transcript` goes in, a body comes out. Server and command
line share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from auricle.models import languages
from auricle.subtitles import Cue, Shape, cues
from auricle.types import Segment, Task, Transcript

Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
SUBTITLES: tuple[Format, ...] = ("srt", "vtt")


@dataclass(frozen=True, slots=True)
class Style:
    """How a transcript is written: the format, and what of the transcript it shows."""

    format: Format = "json"
    segments: bool = True
    """In ``verbose_json``."""
    words: bool = False
    """In ``verbose_json``: the times of words."""
    logprobs: bool = False
    """In ``json``: token log-probabilities."""
    cues: Shape = field(default_factory=Shape)
    """In subtitles: how large a cue may be."""

    @property
    def shows_word_times(self) -> bool:
        """Whether the transcript has to have them: subtitles are split by them."""
        return self.words or (self.format in SUBTITLES and self.cues.may_split)


CONTENT_TYPES: dict[Format, str] = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
    "verbose_json": "application/json",
    "vtt": "text/plain; charset=utf-8",
}
"""What OpenAI sends: its JavaScript client parses by content type, so subtitles are never JSON
and JSON is never text."""

TIME_DECIMALS = 3
"""Subtitles count milliseconds; Whisper's own times are multiples of 20 ms."""

FIGURE_DECIMALS = 4
"""Of log-probabilities, ratios and the like: enough to compare, without float noise."""


class Usage(msgspec.Struct, frozen=True):
    """How much audio was transcribed: whole seconds, rounded up."""

    seconds: int
    type: Literal["duration"] = "duration"


class JsonBody(msgspec.Struct, frozen=True):
    """``response_format=json``."""

    text: str
    usage: Usage


class VerboseSegment(msgspec.Struct, frozen=True):
    """One segment of ``verbose_json``; times in seconds, ``seek`` in frames of 10 ms."""

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


class VerboseBody(msgspec.Struct, frozen=True):
    """``response_format=verbose_json``. ``language`` is an English name in lower case, empty when
    the recording holds no speech to tell it by."""

    task: Task
    language: str
    duration: float
    text: str
    segments: tuple[VerboseSegment, ...]
    usage: Usage


def render(transcript: Transcript, style: Style) -> bytes:
    """The body of an answer in a style, UTF-8; valid also when nothing was said."""
    return _RENDER[style.format](transcript, style)


def usage(duration_s: float) -> Usage:
    """``duration_s`` to the next whole second; float noise does not make a second."""
    return Usage(math.ceil(round(duration_s, TIME_DECIMALS)))


def _json(transcript: Transcript, _: Style) -> bytes:
    return msgspec.json.encode(JsonBody(transcript.text, usage(transcript.duration_s)))


def _verbose_json(transcript: Transcript, _: Style) -> bytes:
    body = VerboseBody(
        task=transcript.task,
        language=_language_name(transcript),
        duration=round(transcript.duration_s, TIME_DECIMALS),
        text=transcript.text,
        segments=tuple(_verbose(i, segment) for i, segment in enumerate(transcript.segments)),
        usage=usage(transcript.duration_s),
    )
    return msgspec.json.encode(body)


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
    )


def _text(transcript: Transcript, _: Style) -> bytes:
    return (transcript.text + "\n").encode()


def _srt(transcript: Transcript, style: Style) -> bytes:
    blocks = (
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{cue.text}\n\n"
        for number, cue in enumerate(_cues(transcript, style), start=1)
    )
    return "".join(blocks).encode()


def _vtt(transcript: Transcript, style: Style) -> bytes:
    blocks = (
        f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n{_escaped(cue.text)}\n\n"
        for cue in _cues(transcript, style)
    )
    return ("WEBVTT\n\n" + "".join(blocks)).encode()


def _cues(transcript: Transcript, style: Style) -> Iterator[Cue]:
    return cues(transcript.segments, style.cues, transcript.duration_s)


def _escaped(text: str) -> str:
    """For WebVTT, where < starts a tag, & a character reference, and --> is the time line."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(time_s: float, mark: str) -> str:
    """``00:00:03,319``; hours grow beyond two digits rather than wrap."""
    seconds, milliseconds = divmod(round(time_s * 1000), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{milliseconds:03d}"


_RENDER: dict[Format, Callable[[Transcript, Style], bytes]] = {
    "json": _json,
    "text": _text,
    "srt": _srt,
    "verbose_json": _verbose_json,
    "vtt": _vtt,
}

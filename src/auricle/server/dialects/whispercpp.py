"""``/inference`` of whisper.cpp's server, so that programs written for it work here unchanged.

Knows nothing about how audio becomes text: a request is turned into one that OpenAI's clients could
have sent, and what comes out is written as that server does. Errors are ours. Fields that only tune
its engine are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from auricle.output import formats
from auricle.server.audio_upload import AudioUpload, UploadReader
from auricle.server.dialects import shared
from auricle.server.dialects.shared import SpokenWord, figure, language_name, time
from auricle.server.fields.form import Form
from auricle.server.transport.requests import while_connected
from auricle.server.transport.response import JSON, End, body_format
from auricle.types import SUBTITLES, Format, Segment, Task, Transcript

MAX_LEN = 1000
"""The longest cue that can be asked for, characters."""

_MEDIA_TYPES: Mapping[Format, str] = {
    "json": JSON,
    "text": shared.TEXT,
    "srt": "application/x-subrip",
    "verbose_json": JSON,
    "vtt": "text/vtt; charset=utf-8",
}


class Body(msgspec.Struct, frozen=True):
    """``response_format=json``: every segment is a line of ``text``."""

    text: str


class CppSegment(msgspec.Struct, frozen=True):
    id: int
    text: str
    start: float
    end: float
    words: tuple[SpokenWord, ...]
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    no_speech_prob: float


class VerboseBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """``response_format=verbose_json``. What was detected stands in it only when detection ran;
    only the likeliest language's probability is known."""

    task: Task
    language: str
    duration: float
    text: str
    segments: tuple[CppSegment, ...]
    detected_language: str | None = None
    detected_language_probability: float | None = None
    language_probabilities: dict[str, float] | None = None


class Inference:
    """``POST /inference``."""

    def __init__(self, reader: UploadReader) -> None:
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._reader.received(Request(scope, receive)) as upload:
            end = await while_connected(upload.request, self._answer(upload, send))
        await end()

    async def _answer(self, upload: AudioUpload, send: Send) -> End:
        form = Form(upload.sent.fields, shared.TEXTS)
        wanted = _response_format(form)
        has_words = wanted == "verbose_json" and not (
            form.boolean("no_timestamps") or form.boolean("token_timestamps") is False
        )
        limits = _cue_limits(form)
        asked = shared.read(
            form,
            "translate" if form.boolean("translate") else "transcribe",
            upload.runtime.settings,
            ("response_format", wanted if wanted in SUBTITLES else "verbose_json"),
            *(limits if wanted in SUBTITLES else ()),
            *(shared.WORDS if has_words else ()),
        )
        plain = partial(formats.render, style=asked.style)
        write = _WRITE.get(wanted, plain)
        return await upload.answer(asked, write, body_format(wanted, _MEDIA_TYPES[wanted]), send)


def _response_format(form: Form) -> Format:
    value = form.choice("response_format", tuple(_MEDIA_TYPES))
    return next((known for known in _MEDIA_TYPES if known == value), "json")


def _cue_limits(form: Form) -> tuple[tuple[str, str], ...]:
    """``max_len`` as limits of cues: so many characters on one line, 0 any number. Cues are split
    between words, whatever ``split_on_word`` says."""
    form.boolean("split_on_word")
    length = form.integer("max_len", 0, MAX_LEN)
    if length is None:
        return ()
    return (("max_line_width", str(length)), ("max_line_count", "1" if length else "0"))


def _lines(transcript: Transcript) -> str:
    return "".join(f"{segment.text}\n" for segment in transcript.segments)


def _text(transcript: Transcript) -> bytes:
    return _lines(transcript).encode()


def _json(transcript: Transcript) -> bytes:
    return msgspec.json.encode(Body(_lines(transcript)))


def _verbose_json(transcript: Transcript) -> bytes:
    body = VerboseBody(
        task=transcript.task,
        language=language_name(transcript.language),
        duration=time(transcript.duration_s),
        text=_lines(transcript),
        segments=tuple(_segment(i, each) for i, each in enumerate(transcript.segments)),
    )
    language = transcript.language
    if language is not None and language.probability is not None:
        probability = figure(language.probability)
        body = msgspec.structs.replace(
            body,
            detected_language=language_name(language),
            detected_language_probability=probability,
            language_probabilities={language.code: probability},
        )
    return msgspec.json.encode(body)


def _segment(index: int, segment: Segment) -> CppSegment:
    return CppSegment(
        id=index,
        text=segment.text,
        start=time(segment.start_s),
        end=time(segment.end_s),
        words=shared.spoken_words(segment.words or ()),
        tokens=segment.tokens,
        temperature=figure(segment.temperature),
        avg_logprob=figure(segment.avg_logprob),
        no_speech_prob=figure(segment.no_speech_prob),
    )


_WRITE: Mapping[Format, Callable[[Transcript], bytes]] = {
    "json": _json,
    "text": _text,
    "verbose_json": _verbose_json,
}
"""Subtitles are written as everywhere."""

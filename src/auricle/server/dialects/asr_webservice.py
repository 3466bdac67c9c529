"""``/asr`` and ``/detect-language`` of whisper-asr-webservice, so that programs written for it work
here unchanged.

Knows nothing about how audio becomes text: a request is turned into one that OpenAI's clients could
have sent, and what comes out is written as that server does. Errors are ours. Fields that only tune
its engines are ignored.
"""

from __future__ import annotations

import contextlib
import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, Literal, cast, get_args

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from auricle.output import formats
from auricle.server.audio_upload import AudioUpload, UploadReader
from auricle.server.dialects import shared
from auricle.server.dialects.shared import SpokenWord, figure, language_name, time
from auricle.server.fields.form import Form, refuse_choice
from auricle.server.transport.multipart import FileField
from auricle.server.transport.requests import while_connected
from auricle.server.transport.response import JSON, End, ResponseWriter, body_format
from auricle.types import SAMPLE_RATE, SUBTITLES, Language, Segment, Task, Transcript

Output = Literal["txt", "vtt", "srt", "tsv", "json"]
OUTPUTS: tuple[Output, ...] = get_args(Output)


def _wav_header() -> bytes:
    """16 kHz mono 16 bit PCM of unknown length, as programs that write to a pipe state it."""
    unknown = 0xFFFFFFFF
    layout = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    chunks = (b"RIFF", unknown, b"WAVE", b"fmt ", len(layout), layout, b"data", unknown)
    return b"".join(struct.pack("<I", each) if isinstance(each, int) else each for each in chunks)


_AUDIO_FILE: Final = FileField("audio_file")
_AUDIO_SAMPLES: Final = FileField("audio_file", _wav_header())


class AsrSegment(msgspec.Struct, frozen=True, omit_defaults=True):
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
    words: tuple[SpokenWord, ...] | None = None
    speaker: str | None = None


class AsrBody(msgspec.Struct, frozen=True):
    """``output=json`` of ``/asr``; ``language`` is a code, empty without speech."""

    text: str
    segments: tuple[AsrSegment, ...]
    language: str


class DetectedLanguage(msgspec.Struct, frozen=True):
    """The answer of ``/detect-language`` where somebody speaks. ``confidence`` is null where the
    model knows one language only, so that nothing was detected."""

    detected_language: str
    language_code: str
    confidence: float | None


class NoLanguage(msgspec.Struct, frozen=True):
    """The answer of ``/detect-language`` where nobody speaks: ``{}``. Bazarr takes an empty code
    for a language and fails; this it takes for no answer."""


class _Endpoint(ABC):
    """A path where everything but the file is in the query."""

    def __init__(self, reader: UploadReader) -> None:
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        query = Form(request.query_params.multi_items(), shared.TEXTS)
        async with self._reader.received(request, _file_field(query)) as upload:
            end = await while_connected(upload.request, self._answer(upload, query, send))
        await end()

    @abstractmethod
    async def _answer(self, upload: AudioUpload, query: Form, send: Send) -> End: ...


class Asr(_Endpoint):
    """``POST /asr``: the text."""

    async def _answer(self, upload: AudioUpload, query: Form, send: Send) -> End:
        task = query.choice("task", ("transcribe", "translate")) or "transcribe"
        output = _output(query)
        has_words = output == "json" and query.boolean("word_timestamps") is True
        asked = shared.read(
            query,
            cast("Task", task),
            upload.runtime.settings,
            ("response_format", output if output in SUBTITLES else "verbose_json"),
            *(shared.WORDS if has_words else ()),
            *_speakers(query),
        )
        plain = partial(formats.render, style=asked.style)
        body = body_format(output, JSON if output == "json" else shared.TEXT)
        write: Callable[[Transcript], bytes] = _WRITE.get(output, plain)
        if output == "json":
            write = partial(_json, has_words=has_words)
        return await upload.answer(asked, write, body, send)


class DetectLanguage(_Endpoint):
    """``POST /detect-language``: the language of the first speech."""

    async def _answer(self, upload: AudioUpload, query: Form, send: Send) -> End:
        asked = shared.read(query, "transcribe", upload.runtime.settings)
        quick = replace(asked.options, language=None, decoding="fast", beam_size=1)
        async with upload.opened(replace(asked, options=quick)) as transcription:
            segments = cast("AsyncGenerator[Segment, None]", aiter(transcription))
            async with contextlib.aclosing(segments):
                await anext(segments, None)
        writer = ResponseWriter(upload.request.scope, send, body_format("json", JSON), 0)
        return partial(writer.end, _language(transcription.language))


def _speakers(query: Form) -> Iterator[tuple[str, str]]:
    """What is said about speakers, where they are asked for."""
    if query.boolean("diarize") or query.boolean("enable_diarization"):
        yield ("diarize", "true")
        for name in ("num_speakers", "min_speakers", "max_speakers"):
            value = query.text(name)
            if value is not None:
                yield (name, value)


def _file_field(query: Form) -> FileField:
    """``encode=false`` says that the file is samples already: 16 kHz, mono, 16 bit."""
    return _AUDIO_SAMPLES if query.boolean("encode") is False else _AUDIO_FILE


def _output(query: Form) -> Output:
    given = query.text("output")
    if given is None or given == "text":
        return "txt"
    for known in OUTPUTS:
        if given == known:
            return known
    refuse_choice("output", given, OUTPUTS)


def _language(language: Language | None) -> bytes:
    if language is None:
        return msgspec.json.encode(NoLanguage())
    confidence = None if language.probability is None else figure(language.probability)
    return msgspec.json.encode(DetectedLanguage(language_name(language), language.code, confidence))


def _line(segment: Segment) -> str:
    line = " ".join(segment.text.split())
    return line if segment.speaker is None else f"{segment.speaker}: {line}"


def _text(transcript: Transcript) -> bytes:
    """A line for each segment, after its speaker if those were asked for."""
    return "".join(f"{_line(segment)}\n" for segment in transcript.segments).encode()


def _tsv(transcript: Transcript) -> bytes:
    """Start and end in whole milliseconds, text; the first line names the columns."""
    rows = (
        f"{round(segment.start_s * 1000)}\t{round(segment.end_s * 1000)}\t{_line(segment)}\n"
        for segment in transcript.segments
    )
    return ("start\tend\ttext\n" + "".join(rows)).encode()


def _json(transcript: Transcript, *, has_words: bool) -> bytes:
    body = AsrBody(
        text="".join(segment.text for segment in transcript.segments),
        segments=tuple(
            _segment(i, each, has_words=has_words) for i, each in enumerate(transcript.segments)
        ),
        language=transcript.language.code if transcript.language else "",
    )
    return msgspec.json.encode(body)


def _segment(index: int, segment: Segment, *, has_words: bool) -> AsrSegment:
    words = segment.words if has_words else None
    return AsrSegment(
        id=index,
        seek=segment.seek,
        start=time(segment.start_s),
        end=time(segment.end_s),
        text=segment.text,
        tokens=segment.tokens,
        temperature=figure(segment.temperature),
        avg_logprob=figure(segment.avg_logprob),
        compression_ratio=figure(segment.compression_ratio),
        no_speech_prob=figure(segment.no_speech_prob),
        words=None if words is None else shared.spoken_words(words),
        speaker=segment.speaker,
    )


_WRITE: Mapping[Output, Callable[[Transcript], bytes]] = {
    "txt": _text,
    "tsv": _tsv,
}
"""Subtitles are written as everywhere."""

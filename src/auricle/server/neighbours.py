"""The doors of two other servers, so that programs written for them work here unchanged:
whisper.cpp's ``/inference``, whisper-asr-webservice's ``/asr`` and ``/detect-language``.

Knows nothing about how audio becomes text: requests are turned into ones OpenAI's clients could
have sent, and what comes out is written as those servers do (``neighbour_formats``). Errors are
ours. Fields that only tune their engines are ignored.
"""

from __future__ import annotations

import contextlib
import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Literal, cast, get_args

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from auricle.output import formats
from auricle.server import neighbour_formats as written
from auricle.server.audio_upload import AudioUpload, UploadReader
from auricle.server.fields import audio_request
from auricle.server.fields.audio_request import WITH_AUTO, AudioRequest
from auricle.server.fields.form import Form, refuse_choice
from auricle.server.transport.requests import while_connected
from auricle.server.transport.response import JSON, End, ResponseWriter, body_format
from auricle.server.transport.upload import FileField
from auricle.types import FORMATS, SAMPLE_RATE, SUBTITLES, Segment, Task, Transcript

MODEL = "whisper-1"
"""Requests that name no model mean the one the server was started with."""

TEXT = "text/plain; charset=utf-8"

AsrOutput = Literal["txt", "vtt", "srt", "tsv", "json"]
ASR_OUTPUTS: tuple[AsrOutput, ...] = get_args(AsrOutput)

Write = Callable[[Transcript], bytes]


def _wav_header() -> bytes:
    """16 kHz mono 16 bit PCM of unknown length, as programs that write to a pipe state it."""
    unknown = 0xFFFFFFFF
    layout = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    chunks = (b"RIFF", unknown, b"WAVE", b"fmt ", len(layout), layout, b"data", unknown)
    return b"".join(struct.pack("<I", each) if isinstance(each, int) else each for each in chunks)


_AUDIO_FILE: Final = FileField("audio_file")
_AUDIO_SAMPLES: Final = FileField("audio_file", _wav_header())


class Inference:
    """``POST /inference`` of whisper.cpp's server."""

    def __init__(self, reader: UploadReader) -> None:
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._reader.received(Request(scope, receive)) as upload:
            end = await while_connected(upload.request, self._answer(upload, send))
        await end()

    async def _answer(self, upload: AudioUpload, send: Send) -> End:
        fields = Form(upload.sent.fields, WITH_AUTO)
        wanted = fields.choice("response_format", FORMATS) or "json"
        translate = fields.boolean("translate")
        has_words = wanted == "verbose_json" and not (
            fields.boolean("no_timestamps") or fields.boolean("token_timestamps") is False
        )
        limits = _cue_limits(fields)
        asked = _asked(
            self._reader,
            "translate" if translate else "transcribe",
            fields,
            wanted="verbose_json" if wanted in ("json", "text") else wanted,
            words=has_words,
            more=limits if wanted in SUBTITLES else (),
        )
        write: Write = {
            "json": written.cpp_json,
            "text": written.cpp_text,
            "verbose_json": written.cpp_verbose_json,
        }.get(wanted, lambda transcript: formats.render(transcript, asked.style))
        media_type = {"srt": "application/x-subrip", "vtt": "text/vtt; charset=utf-8"}.get(
            wanted, JSON if wanted.endswith("json") else TEXT
        )
        return await upload.answer(asked, write, body_format(wanted, media_type), send)


def _cue_limits(fields: Form) -> Sequence[tuple[str, str]]:
    """``max_len`` as limits of cues: so many characters on one line, 0 any number. Cues are split
    between words, whatever ``split_on_word`` says."""
    fields.boolean("split_on_word")
    length = fields.integer("max_len", 0, _MAX_LEN)
    if length is None:
        return ()
    return (("max_line_width", str(length)), ("max_line_count", "1" if length else "0"))


class _AsrDoor(ABC):
    """A path of whisper-asr-webservice: everything but the file is in the query."""

    def __init__(self, reader: UploadReader) -> None:
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        query = Form(request.query_params.multi_items(), {*WITH_AUTO, "initial_prompt"})
        async with self._reader.received(request, _asr_file(query)) as upload:
            end = await while_connected(upload.request, self._answer(upload, query, send))
        await end()

    @abstractmethod
    async def _answer(self, upload: AudioUpload, query: Form, send: Send) -> End: ...


class Asr(_AsrDoor):
    """``POST /asr``: the text."""

    async def _answer(self, upload: AudioUpload, query: Form, send: Send) -> End:
        task = query.choice("task", ("transcribe", "translate")) or "transcribe"
        output = _asr_output(query)
        asked = _asked(
            self._reader,
            cast("Task", task),
            query,
            wanted=output if output in ("srt", "vtt") else "verbose_json",
            words=output == "json" and query.boolean("word_timestamps") is True,
        )
        write: Write = {
            "txt": written.asr_text,
            "tsv": written.asr_tsv,
            "json": written.asr_json,
        }.get(output, lambda transcript: formats.render(transcript, asked.style))
        body = body_format(output, JSON if output == "json" else TEXT)
        return await upload.answer(asked, write, body, send)


class DetectLanguage(_AsrDoor):
    """``POST /detect-language``: the language of the first speech."""

    async def _answer(self, upload: AudioUpload, query: Form, send: Send) -> End:
        asked = _asked(self._reader, "transcribe", query, wanted="json", words=False)
        quick = replace(asked.options, language=None, decoding="fast", beam_size=1)
        async with upload.opened(replace(asked, options=quick)) as transcription:
            segments = cast("AsyncGenerator[Segment, None]", aiter(transcription))
            async with contextlib.aclosing(segments):
                await anext(segments, None)
        writer = ResponseWriter(upload.request.scope, send, body_format("json", JSON), 0)
        return partial(writer.end, written.language_json(transcription.language))


def _asr_file(query: Form) -> FileField:
    """``encode=false`` says that the file is samples already: 16 kHz, mono, 16 bit."""
    return _AUDIO_SAMPLES if query.boolean("encode") is False else _AUDIO_FILE


def _asr_output(query: Form) -> AsrOutput:
    given = query.text("output")
    if given is None or given == "text":
        return "txt"
    for known in ASR_OUTPUTS:
        if given == known:
            return known
    refuse_choice("output", given, ASR_OUTPUTS)


_RENAMED: Sequence[tuple[str, str]] = (
    ("model", "model"),
    ("language", "language"),
    ("prompt", "prompt"),
    ("initial_prompt", "prompt"),
    ("hotwords", "hotwords"),
    ("temperature", "temperature"),
    ("beam_size", "beam_size"),
    ("vad", "vad"),
    ("vad_filter", "vad"),
)
"""What those servers' fields are called here. Others are ignored, as they ignore them."""

_MAX_LEN = 1000

_MEANS_NOTHING = {"beam_size": "-1"}
"""What they take for not given."""


def _asked(
    reader: UploadReader,
    task: Task,
    fields: Form,
    *,
    wanted: str,
    words: bool,
    more: Sequence[tuple[str, str]] = (),
) -> AudioRequest:
    pairs = [("response_format", wanted), *more]
    samples = bool(fields.decimal("temperature", 0, 1))  # without beams, there as here
    for theirs, ours in _RENAMED:
        value = fields.text(theirs)
        if theirs == "beam_size" and samples:
            continue
        if value is not None and value != _MEANS_NOTHING.get(theirs):
            pairs.append((ours, value))
    if fields.text("model") is None:
        pairs.append(("model", MODEL))
    if words:
        pairs += [("timestamp_granularities[]", each) for each in ("word", "segment")]
    return audio_request.parse(pairs, task, reader.runtime.settings)

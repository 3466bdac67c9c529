"""``POST /v1/audio/…``: an upload, what it asks for, and the text as an answer or as a stream.

Knows nothing about how audio becomes text, nor how any one service's clients want it.
"""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from auricle.output import formats
from auricle.server.audio_upload import AudioUpload, UploadReader, recording_headers
from auricle.server.dialects import groq
from auricle.server.dialects.openai import OPENAI, Dialect
from auricle.server.dialects.openai_events import DONE, GrowingText, SpokenSegments
from auricle.server.fields import audio_request
from auricle.server.fields.audio_request import AudioRequest, IgnoredFields, Pairs
from auricle.server.transport import context
from auricle.server.transport.requests import while_connected
from auricle.server.transport.response import (
    EVENTS,
    KEEP_ALIVE_S,
    End,
    ResponseWriter,
    body_format,
    framed,
)
from auricle.types import Task


class Audio:
    """``POST /v1/audio/…`` for one task. An ASGI application rather than a function that returns
    a response: the upload and the transcription stay open while events are sent."""

    def __init__(self, reader: UploadReader, task: Task, dialect: Dialect = OPENAI) -> None:
        self._reader = reader
        self._task = task
        self._dialect = dialect
        self._ignored = IgnoredFields()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._reader.received(Request(scope, receive)) as upload:
            sent = _with_model(upload.sent.fields, scope["path_params"].get("model"))
            dialect = groq.dialect_of(scope, self._dialect)
            fields = dialect.read(sent, self._task)
            asked = audio_request.parse(fields, self._task, self._reader.runtime.settings)
            self._ignored.note(asked.ignored)
            end = await while_connected(upload.request, self._answer(upload, asked, dialect, send))
        await end()

    async def _answer(
        self, upload: AudioUpload, asked: AudioRequest, dialect: Dialect, send: Send
    ) -> End:
        if asked.stream:
            return await self._stream(upload, asked, dialect, send)
        style, name = asked.style, context.of(upload.request.scope).id
        body = body_format(style.format, dialect.media_types[style.format])
        return await upload.answer(asked, lambda text: dialect.write(text, style, name), body, send)

    async def _stream(
        self, upload: AudioUpload, asked: AudioRequest, dialect: Dialect, send: Send
    ) -> End:
        growing, segments = GrowingText(asked.style), SpokenSegments(asked.style)
        writer = ResponseWriter(upload.request.scope, send, EVENTS, KEEP_ALIVE_S)
        async with writer.kept_alive(), upload.opened(asked) as transcription:
            writer.headers = recording_headers(transcription.track)
            async for read, spoken in transcription.parts(early=True):
                delta = None if read is None else growing.append(read)
                if delta is not None:
                    await writer.write(framed(delta))
                for segment in segments.events(spoken):
                    await writer.write(framed(segment))
        used = formats.usage(transcription.duration_s)
        done = growing.done(used, transcription.warnings, transcription.speakers)
        await writer.write(framed(done))
        return partial(writer.end, DONE if dialect.sends_done else b"")


def _with_model(pairs: Pairs, deployment: str | None) -> Pairs:
    """The form with the model that the path names, as Azure's API does it, where it names one."""
    if deployment is None:
        return pairs
    others = [(name, value) for name, value in pairs if name != "model"]
    return [*others, ("model", deployment)]

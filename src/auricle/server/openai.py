"""OpenAI's audio endpoints.

Knows nothing about how audio becomes text; it opens a transcription and sends what comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from auricle.output import formats
from auricle.server.audio_upload import AudioUpload, UploadReader
from auricle.server.fields import audio_request
from auricle.server.fields.audio_request import AudioRequest, IgnoredFields, Pairs
from auricle.server.transcript_events import DONE, GrowingText
from auricle.server.transport.requests import while_connected
from auricle.server.transport.response import (
    EVENTS,
    KEEP_ALIVE_S,
    End,
    ResponseWriter,
    body_format,
    framed,
)
from auricle.types import Format, Task, Transcript


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one service's clients expect, where it is not what OpenAI's do."""

    read: Callable[[Pairs, Task], Pairs]
    """The form as OpenAI's clients would have sent it."""
    write: Callable[[Transcript, formats.Style], bytes]
    media_types: Mapping[Format, str]
    sends_done: bool
    """Whether a stream ends with ``[DONE]``."""


OPENAI = Dialect(lambda pairs, _: pairs, formats.render, formats.CONTENT_TYPES, sends_done=True)


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
            fields = self._dialect.read(sent, self._task)
            asked = audio_request.parse(fields, self._task, self._reader.runtime.settings)
            self._ignored.note(asked.ignored)
            end = await while_connected(upload.request, self._answer(upload, asked, send))
        await end()

    async def _answer(self, upload: AudioUpload, asked: AudioRequest, send: Send) -> End:
        if asked.stream:
            return await self._stream(upload, asked, send)
        dialect, style = self._dialect, asked.style
        body = body_format(style.format, dialect.media_types[style.format])
        return await upload.answer(asked, lambda text: dialect.write(text, style), body, send)

    async def _stream(self, upload: AudioUpload, asked: AudioRequest, send: Send) -> End:
        style = asked.style
        growing = GrowingText(has_logprobs=style.logprobs, has_languages=style.languages)
        writer = ResponseWriter(upload.request.scope, send, EVENTS, KEEP_ALIVE_S)
        async with writer.kept_alive(), upload.opened(asked) as transcription:
            async for segment in transcription:
                delta = growing.append(segment)
                if delta is not None:
                    await writer.write(framed(delta))
        await writer.write(framed(growing.done(formats.usage(transcription.duration_s))))
        return partial(writer.end, DONE if self._dialect.sends_done else b"")


def _with_model(pairs: Pairs, deployment: str | None) -> Pairs:
    """The form with the model that the path names, as Azure's API does it, where it names one."""
    if deployment is None:
        return pairs
    others = [(name, value) for name, value in pairs if name != "model"]
    return [*others, ("model", deployment)]

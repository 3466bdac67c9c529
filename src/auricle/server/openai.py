"""OpenAI's audio endpoints.

Knows nothing about how audio becomes text; it opens a transcription and sends what comes out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle.errors import AuricleError
from auricle.output import formats
from auricle.server import errors, form, sse
from auricle.server.audio_upload import AudioUpload, UploadReader
from auricle.server.transport.requests import request_id, unless_gone
from auricle.transcribe import Transcription
from auricle.types import Task, Transcript

logger = logging.getLogger(__name__)


Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one service's clients expect, where it is not what OpenAI's do."""

    read: Callable[[Pairs, Task], Pairs]
    """The form as OpenAI's clients would have sent it."""
    write: Callable[[Transcript, formats.Style], bytes]
    media_types: Mapping[formats.Format, str]
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
        self._ignored = form.IgnoredFields()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._reader.received(Request(scope, receive)) as upload:
            sent = _with_model(upload.sent.fields, scope["path_params"].get("model"))
            fields = self._dialect.read(sent, self._task)
            asked = form.parse(fields, self._task, self._reader.runtime.settings)
            self._ignored.note(asked.ignored)
            answer = await unless_gone(self._answer(upload, asked, send), receive)
        await answer(scope, receive, send)

    async def _answer(self, upload: AudioUpload, asked: form.AudioRequest, send: Send) -> ASGIApp:
        dialect, style = self._dialect, asked.style
        if asked.stream:
            events = sse.EventStream(send, sends_done=dialect.sends_done)
            return await _streamed(
                await upload.opened(asked), events, style, request_id(upload.request.scope)
            )
        plan = self._reader.plan(style.format, dialect.media_types[style.format])
        return await upload.collected(asked, lambda text: dialect.write(text, style), plan, send)


def _with_model(pairs: Pairs, deployment: str | None) -> Pairs:
    """The form with the model that the path names, as Azure's API does it, where it names one."""
    if deployment is None:
        return pairs
    others = [(name, value) for name, value in pairs if name != "model"]
    return [*others, ("model", deployment)]


async def _streamed(
    opened: AbstractAsyncContextManager[Transcription],
    events: sse.EventStream,
    style: formats.Style,
    log_id: str,
) -> ASGIApp:
    """Send every event; returns the end of the response. What fails before the first byte is
    raised, to be answered with its own status; later it is an event."""
    growing = sse.GrowingText(has_logprobs=style.logprobs, has_languages=style.languages)
    try:
        async with events.kept_alive(), opened as transcription:
            async for segment in transcription:
                delta = growing.append(segment)
                if delta is not None:
                    await events.event(delta)
        await events.event(growing.done(formats.usage(transcription.duration_s)))
        await events.done()
    except AuricleError as exc:
        if not events.is_started:
            raise
        await events.event(errors.body_of(exc))
    except Exception:
        if not events.is_started:
            raise
        logger.exception("streaming (%s)", log_id)
        await events.event(errors.body_of(errors.unexpected(log_id)))
    return events.end

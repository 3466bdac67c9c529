"""OpenAI's audio endpoints.

Knows nothing about how audio becomes text; it opens a transcription and sends what comes out.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle import formats
from auricle.errors import AuricleError, InvalidRequest
from auricle.runtime import Runtime
from auricle.server import errors, form, sse, upload
from auricle.server.deadline import Deadline
from auricle.server.exchange import Traffic, request_id, unless_gone
from auricle.transcribe import Transcription, collect
from auricle.types import Task

logger = logging.getLogger(__name__)


class Audio:
    """``POST /v1/audio/…`` for one task. An ASGI application rather than a function that returns
    a response: the upload and the transcription stay open while events are sent."""

    def __init__(self, runtime: Runtime, traffic: Traffic, task: Task) -> None:
        self._runtime = runtime
        self._traffic = traffic
        self._task = task
        self._ignored = form.IgnoredFields()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        settings = self._runtime.settings
        deadline = Deadline.of(request, settings.deadline_s)
        key = client_key(request)
        self._traffic.check_open()
        self._runtime.transcriber(key)  # refuses before the upload is read
        async with contextlib.AsyncExitStack() as stack:
            with self._traffic.uploading(settings.max_uploads):
                async with deadline.kept():
                    received = upload.received(request, upload.Limits.of(settings))
                    sent = await stack.enter_async_context(received)
            asked = form.parse(sent.fields, self._task, settings)
            self._ignored.note(asked.ignored)
            await self._runtime.find(asked.model)
            if sent.file is None:
                message = "Missing required parameter: 'file'."
                raise InvalidRequest(message, param="file", code="missing_required_parameter")
            opened = self._opened(sent.file, asked, key, deadline)
            if asked.stream:
                work = _streamed(opened, sse.EventStream(send), request_id(scope))
            else:
                work = _collected(opened, asked.style)
            answer = await unless_gone(work, receive)
        await answer(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _opened(
        self, path: Path, asked: form.AudioRequest, key: str, deadline: Deadline
    ) -> AsyncIterator[Transcription]:
        opened = self._runtime.open(path, asked.options, key, asked.model)
        async with deadline.kept(), opened as transcription:
            yield transcription


def client_key(request: Request) -> str:
    """Whose request it is, for limits per client: the API key, or else the address."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return f"key {token.strip()}"
    return f"address {request.client.host}" if request.client else ""


async def _collected(
    opened: AbstractAsyncContextManager[Transcription], style: formats.Style
) -> ASGIApp:
    """Everything at once, as the response to send."""
    async with opened as transcription:
        transcript = await collect(transcription)
    body = formats.render(transcript, style)
    return Response(body, media_type=formats.CONTENT_TYPES[style.format])


async def _streamed(
    opened: AbstractAsyncContextManager[Transcription], events: sse.EventStream, log_id: str
) -> ASGIApp:
    """Send every event; returns the end of the response. What fails before the first byte is
    raised, to be answered with its own status; later it is an event."""
    growing = sse.GrowingText()
    try:
        async with events.kept_alive(), opened as transcription:
            async for segment in transcription:
                delta = growing.append(segment.text)
                if delta:
                    await events.event(sse.TextDelta(delta))
        await events.event(sse.TextDone(growing.text, formats.usage(transcription.duration_s)))
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

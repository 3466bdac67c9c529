"""OpenAI's audio endpoints.

Knows nothing about how audio becomes text; it opens a transcription and sends what comes out.
"""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle import formats
from auricle.errors import AuricleError, InvalidRequest
from auricle.runtime import Runtime
from auricle.server import errors, form, sse, upload
from auricle.server.exchange import Traffic, request_id, unless_gone
from auricle.transcribe import Transcription, collect
from auricle.types import Task

MIB = 1024 * 1024

logger = logging.getLogger(__name__)


class Audio:
    """``POST /v1/audio/…`` for one task. An ASGI application rather than a function that returns
    a response: the upload and the transcription stay open while events are sent."""

    def __init__(self, runtime: Runtime, traffic: Traffic, task: Task) -> None:
        self._runtime = runtime
        self._traffic = traffic
        self._task = task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._traffic.check_open()
        self._runtime.transcriber()  # refuses while there is none, before the upload is read
        settings = self._runtime.settings
        async with upload.received(Request(scope, receive), settings.max_upload_mb * MIB) as sent:
            asked = form.parse(sent.fields, self._task, settings)
            await self._runtime.find(asked.model)
            if sent.file is None:
                message = "Missing required parameter: 'file'."
                raise InvalidRequest(message, param="file", code="missing_required_parameter")
            opened = self._runtime.open(sent.file, asked.options, model=asked.model)
            if asked.stream:
                work = _streamed(opened, sse.EventStream(send), request_id(scope))
            else:
                work = _collected(opened, asked.response_format)
            answer = await unless_gone(work, receive)
        await answer(scope, receive, send)


async def _collected(
    opened: AbstractAsyncContextManager[Transcription], response_format: formats.Format
) -> ASGIApp:
    """Everything at once, as the response to send."""
    async with opened as transcription:
        transcript = await collect(transcription)
    body = formats.render(transcript, response_format)
    return Response(body, media_type=formats.CONTENT_TYPES[response_format])


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

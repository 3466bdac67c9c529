"""From a request to its transcription: the one path behind every door that takes recordings.

Knows nothing about form fields or how answers look; the doors do.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.types import ASGIApp, Send

from auricle.errors import InvalidRequest
from auricle.runtime import Runtime
from auricle.server.access.keys import given_key
from auricle.server.form import AudioRequest
from auricle.server.transport import early_response, json_upload, upload
from auricle.server.transport.deadline import Deadline
from auricle.server.transport.in_flight import InFlight
from auricle.server.transport.spool import Spool
from auricle.transcribe import Transcription, collect
from auricle.types import Transcript


@dataclass(frozen=True, slots=True)
class AudioUpload:
    """A request whose upload has been read; its file is there as long as the context lasts."""

    runtime: Runtime
    request: Request
    sent: upload.Upload
    key: str
    deadline: Deadline

    async def opened(self, asked: AudioRequest) -> AbstractAsyncContextManager[Transcription]:
        """What was asked, ready to be entered: there is a recording, and such a model.

        Raises:
            ModelNotFound: see `Runtime.find`.
            InvalidRequest: the form holds no recording.
        """
        await self.runtime.find(asked.model)
        if self.sent.file is None:
            name = self.sent.file_field
            message = f"Missing required parameter: '{name}'."
            raise InvalidRequest(message, param=name, code="missing_required_parameter")
        return self._opened(self.sent.file, asked)

    async def collected(
        self,
        asked: AudioRequest,
        write: Callable[[Transcript], bytes],
        plan: early_response.Plan,
        send: Send,
    ) -> ASGIApp:
        """The whole transcript as the answer to send, begun early if it takes long."""
        opened = await self.opened(asked)

        async def body() -> bytes:
            async with opened as transcription:
                transcript = await collect(transcription)
            return write(transcript)

        return await early_response.EarlyAnswer(self.request.scope, send, plan).of(body())

    @contextlib.asynccontextmanager
    async def _opened(self, path: Path, asked: AudioRequest) -> AsyncIterator[Transcription]:
        opened = self.runtime.open(path, asked.options, self.key, asked.model)
        async with self.deadline.kept(), opened as transcription:
            yield transcription


class UploadReader:
    """Reads uploads, within the limits of one server."""

    def __init__(self, runtime: Runtime, in_flight: InFlight, spool: Spool) -> None:
        self.runtime = runtime
        self._in_flight = in_flight
        self._spool = spool

    @contextlib.asynccontextmanager
    async def received(
        self, request: Request, file_field: upload.FileField = upload.FILE
    ) -> AsyncIterator[AudioUpload]:
        """Refuse what cannot be served before its upload is read; read it."""
        settings = self.runtime.settings
        deadline = Deadline.of(request, settings.deadline_s)
        key = client_key(request)
        self._in_flight.check_open()
        self.runtime.check_room(key)
        async with contextlib.AsyncExitStack() as stack:
            with self._in_flight.uploading(settings.max_uploads):
                async with deadline.kept():
                    limits = upload.Limits.of(settings, self._spool)
                    if json_upload.is_json(request):
                        received = json_upload.received(request, limits)
                    else:
                        received = upload.received(request, limits, file_field)
                    sent = await stack.enter_async_context(received)
            yield AudioUpload(self.runtime, request, sent, key, deadline)

    def plan(self, format_name: str, media_type: str) -> early_response.Plan:
        """How an answer of a format is sent here."""
        padding = early_response.PADDINGS.get(format_name, early_response.Padding())
        return early_response.Plan(media_type, padding, self.runtime.settings.early_headers_s)


def client_key(request: Request) -> str:
    """Whose request it is, for limits per client: the API key, or else the address."""
    key = given_key(request.headers)
    if key:
        return f"key {key}"
    return f"address {request.client.host}" if request.client else ""

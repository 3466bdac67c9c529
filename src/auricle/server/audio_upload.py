"""From a request to its transcription: the one way for every endpoint that takes recordings.

Knows nothing about form fields or how answers look; the endpoints do.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.types import Send

from auricle.errors import InvalidRequest
from auricle.segment_stream import SegmentStream, collect
from auricle.server.fields.audio_request import AudioRequest
from auricle.server.transport import context, json_upload, multipart, raw_upload, upload
from auricle.server.transport.deadline import Deadline
from auricle.server.transport.in_flight import InFlight
from auricle.server.transport.response import BodyFormat, End, ResponseWriter
from auricle.server.transport.spool import Spool
from auricle.speech_runtime import SpeechRuntime
from auricle.types import AudioTrack, Transcript


@dataclass(frozen=True, slots=True)
class AudioUpload:
    """A request whose upload has been read; its file is there as long as the context lasts."""

    runtime: SpeechRuntime
    request: Request
    sent: upload.Upload
    client: str
    deadline: Deadline

    @property
    def recording(self) -> Path:
        """The file.

        Raises:
            InvalidRequest: there is none in the form.
        """
        if self.sent.file is None:
            name = self.sent.file_field
            message = f"Missing required parameter: '{name}'."
            raise InvalidRequest(message, param=name, code="missing_required_parameter")
        return self.sent.file

    @contextlib.asynccontextmanager
    async def opened(self, asked: AudioRequest) -> AsyncIterator[SegmentStream]:
        """The transcription that was asked for.

        Raises:
            ModelNotFound, Forbidden: see `SpeechRuntime.open`.
            InvalidRequest: the form holds no recording.
            DeadlineExceeded: it was not done in time.
        """
        opened = self.runtime.open(self.recording, asked.options, self.client, asked.model)
        async with self.deadline.kept(), opened as transcription:
            try:
                yield transcription
            finally:
                context.of(self.request.scope).audio_s = transcription.duration_s

    async def answer(
        self,
        asked: AudioRequest,
        write: Callable[[Transcript], bytes],
        body: BodyFormat,
        send: Send,
    ) -> End:
        """Answer with the whole transcript, begun early if it takes long."""
        begin_after_s = self.runtime.settings.early_headers_s
        writer = ResponseWriter(self.request.scope, send, body, begin_after_s)
        async with writer.kept_alive(), self.opened(asked) as transcription:
            writer.headers = recording_headers(transcription.track)
            transcript = await collect(transcription)
        writer.headers = recording_headers(transcript.track, transcript.warnings)
        return partial(writer.end, write(transcript))


def recording_headers(
    track: AudioTrack | None, warnings: Iterable[str] = ()
) -> list[tuple[bytes, bytes]]:
    """What headers of an answer say of the recording: the audio track, where there are several, and
    what could not be read."""
    headers = [(b"x-auricle-warning", each.encode("ascii", "replace")) for each in warnings]
    if track is not None and track.count > 1:
        value = f"{track.number} of {track.count}"
        if track.language:
            value += f"; language={track.language}"
        headers.append((b"x-auricle-audio-track", value.encode("ascii", "replace")))
    return headers


class UploadReader:
    """Reads uploads, within the limits of one server."""

    def __init__(self, runtime: SpeechRuntime, in_flight: InFlight, spool: Spool) -> None:
        self.runtime = runtime
        self._in_flight = in_flight
        self._spool = spool

    @contextlib.asynccontextmanager
    async def received(
        self,
        request: Request,
        form: multipart.FileField | raw_upload.RawBody = multipart.FILE,
        *,
        checks_room: bool = True,
    ) -> AsyncIterator[AudioUpload]:
        """Refuse what cannot be served before its upload is read; read it: a form with the file in
        this field or a JSON object, or a body that is the recording. ``checks_room`` False: it need
        not be served now."""
        settings = self.runtime.settings
        deadline = Deadline.of(request, settings.deadline_s)
        client = context.of(request.scope).client
        self._in_flight.check_open()
        if checks_room:
            self.runtime.check_room(client)
        async with contextlib.AsyncExitStack() as stack:
            with self._in_flight.uploading(client, settings):
                async with deadline.kept():
                    limits = upload.Limits.of(settings, self._spool)
                    if isinstance(form, raw_upload.RawBody):
                        received = raw_upload.received(request, limits, form)
                    elif json_upload.is_json(request):
                        received = json_upload.received(request, limits)
                    else:
                        received = multipart.received(request, limits, form)
                    sent = await stack.enter_async_context(received)
            context.of(request.scope).model = dict(sent.fields).get("model")
            yield AudioUpload(self.runtime, request, sent, client, deadline)

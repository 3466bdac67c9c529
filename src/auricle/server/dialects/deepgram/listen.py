"""``POST /v1/listen``: a recording as the body, its text as Deepgram's clients read it.

Knows nothing about how audio becomes text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from auricle.errors import InvalidRequest
from auricle.live.pcm import MAX_CHANNELS
from auricle.segment_stream import collect
from auricle.server.audio_upload import AudioUpload, UploadReader, recording_headers
from auricle.server.dialects.deepgram import recorded
from auricle.server.dialects.deepgram.bodies import model_uuid
from auricle.server.dialects.deepgram.errors import body_of, request_id
from auricle.server.dialects.deepgram.model import served_model
from auricle.server.dialects.deepgram.recorded import AnswerInfo, RecordingRequest
from auricle.server.fields.audio_request import IgnoredFields
from auricle.server.transport import context, json_upload
from auricle.server.transport.raw_upload import RawBody
from auricle.server.transport.requests import while_connected
from auricle.server.transport.response import End, ResponseWriter, json_format
from auricle.types import AudioTrack, Transcript


class Listen:
    """``POST /v1/listen``."""

    def __init__(self, reader: UploadReader) -> None:
        self._reader = reader
        self._ignored = IgnoredFields()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if json_upload.is_json(request):
            raise InvalidRequest(
                "Content-type was application/json, but this server fetches nothing from other "
                "addresses: the body must be the recording itself."
            )
        runtime = self._reader.runtime
        content_type = request.headers.get("content-type", "")
        wanted = RecordingRequest.read(
            request.query_params.multi_items(), content_type, runtime.settings
        )
        self._ignored.note(wanted.ignored)
        named, model = await served_model(runtime, wanted.request.model)
        wanted = replace(wanted, request=replace(wanted.request, model=named))
        raw = RawBody(wanted.raw_format.wav_header() if wanted.raw_format else b"")
        async with self._reader.received(request, raw) as upload:
            end = await while_connected(request, self._answer(upload, wanted, model, send))
        await end()

    async def _answer(
        self, upload: AudioUpload, wanted: RecordingRequest, model: str, send: Send
    ) -> End:
        runtime, scope = upload.runtime, upload.request.scope
        name = request_id(scope)
        context.of(scope).headers.update(
            {"dg-model-name": model, "dg-model-uuid": model_uuid(model)}
        )
        body = json_format(lambda exc: msgspec.json.encode(body_of(exc, name)))
        writer = ResponseWriter(scope, send, body, runtime.settings.early_headers_s)
        async with writer.kept_alive():
            transcripts = await _transcripts(upload, wanted)
        writer.headers = recording_headers(transcripts[0].track, transcripts[0].warnings)
        info = AnswerInfo(name, upload.sent.sha256, model)
        return partial(writer.end, recorded.body(transcripts, wanted, info))


async def _transcripts(upload: AudioUpload, wanted: RecordingRequest) -> Sequence[Transcript]:
    """One of all channels mixed, or one of each."""
    request = wanted.request
    if not wanted.multichannel:
        async with upload.opened(request) as transcription:
            return [await collect(transcription)]
    found: list[Transcript] = []
    n_channels = 1
    while len(found) < n_channels:
        options = replace(request.options, audio_channel=len(found))
        async with upload.opened(replace(request, options=options)) as transcription:
            n_channels = _checked(transcription.track)
            found.append(await collect(transcription))
    return found


def _checked(track: AudioTrack | None) -> int:
    """How many channels it has, unless they are too many."""
    n_channels = 1 if track is None else track.n_channels
    if n_channels > MAX_CHANNELS:
        raise InvalidRequest(
            f"Invalid 'multichannel' value of 'true'. The recording has {n_channels} channels; "
            f"allowed are {MAX_CHANNELS}.",
            param="multichannel",
            code="invalid_value",
        )
    return n_channels

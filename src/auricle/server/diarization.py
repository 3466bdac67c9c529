"""``POST /v1/audio/diarization``: an upload, and who speaks when in it, as JSON or RTTM.

Knows nothing about how voices are told apart. The path and both formats are those of speaches and
LocalAI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Literal, get_args

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from auricle.diarize import Diarization
from auricle.output.formats import Usage, usage
from auricle.output.speaker_bodies import TIME_DECIMALS, SpeakerBody
from auricle.output.speaker_bodies import speakers as speaker_bodies
from auricle.server.audio_upload import AudioUpload, UploadReader, recording_headers
from auricle.server.fields import audio_request
from auricle.server.fields.audio_request import AudioRequest, IgnoredFields, Pairs
from auricle.server.fields.form import Form, refuse
from auricle.server.transport import context
from auricle.server.transport.requests import while_connected
from auricle.server.transport.response import End, ResponseWriter, body_format
from auricle.speakers import rttm
from auricle.speakers.turns import NamedTurn
from auricle.types import SpeakerOptions

DiarizationFormat = Literal["json", "rttm"]
FORMATS: Final[tuple[DiarizationFormat, ...]] = get_args(DiarizationFormat)

MEDIA_TYPES: Mapping[DiarizationFormat, str] = {
    "json": "application/json",
    "rttm": "text/plain; charset=utf-8",
}

RECORDING: Final = "recording"
"""What RTTM calls the recording, whose name nobody knows here."""

_OWN: Final = ("model", "response_format", "stream", "diarize")
"""Fields that are read here, or mean nothing: there is one model, and nothing else to do."""


class SpokenTurn(msgspec.Struct, frozen=True):
    """Somebody speaks, without a pause; times in seconds. Turns of several speakers may overlap."""

    id: int
    start: float
    end: float
    speaker: str


class DiarizationBody(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks when. ``warnings`` say what of the recording could not be read, and which
    references of voices are noisy."""

    task: Literal["diarize"] = "diarize"
    duration: float
    num_speakers: int
    segments: tuple[SpokenTurn, ...]
    speakers: tuple[SpeakerBody, ...]
    warnings: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    usage: Usage


class DiarizationEndpoint:
    """An ASGI application: the upload stays open while its answer is found."""

    def __init__(self, reader: UploadReader) -> None:
        self._reader = reader
        self._ignored = IgnoredFields()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._reader.received(Request(scope, receive)) as upload:
            pairs = upload.sent.fields
            wanted = _format(pairs)
            asked = audio_request.parse(
                _as_transcription(pairs), "transcribe", self._reader.runtime.settings
            )
            self._ignored.note(asked.ignored)
            end = await while_connected(upload.request, self._answer(upload, asked, wanted, send))
        await end()

    async def _answer(
        self, upload: AudioUpload, asked: AudioRequest, wanted: DiarizationFormat, send: Send
    ) -> End:
        runtime, options = upload.runtime, asked.options
        speakers = options.speakers or SpeakerOptions()
        if speakers.by_channel:
            refuse("channels", "here voices are told apart; 'separate' is for transcriptions.")
        body = body_format(wanted, MEDIA_TYPES[wanted])
        scope = upload.request.scope
        writer = ResponseWriter(scope, send, body, runtime.settings.early_headers_s)
        async with writer.kept_alive(), upload.deadline.kept():
            found = await runtime.diarize(
                upload.recording,
                speakers,
                upload.client,
                options.audio_track,
            )
        context.of(scope).audio_s = found.duration_s
        writer.headers = recording_headers(found.track, found.warnings)
        return partial(writer.end, _WRITE[wanted](found, asked.style.embeddings))


def _format(pairs: Pairs) -> DiarizationFormat:
    form = Form(pairs)
    value = form.choice("response_format", FORMATS)
    return next((known for known in FORMATS if known == value), "json")


def _as_transcription(pairs: Pairs) -> Pairs:
    """The form as one that asks for a transcription with speakers: what is said about recording
    and speakers is read alike."""
    others = [(name, value) for name, value in pairs if name not in _OWN]
    return [*others, ("model", "default"), ("response_format", "diarized_json")]


def _json(found: Diarization, embeddings: bool) -> bytes:
    turns = enumerate(_named(found))
    body = DiarizationBody(
        duration=round(found.duration_s, TIME_DECIMALS),
        num_speakers=len(found.speakers),
        segments=tuple(
            SpokenTurn(
                id=number,
                start=round(turn.start_s, TIME_DECIMALS),
                end=round(turn.end_s, TIME_DECIMALS),
                speaker=turn.speaker,
            )
            for number, turn in turns
        ),
        speakers=speaker_bodies(found.speakers, embeddings=embeddings) or (),
        warnings=found.warnings or msgspec.UNSET,
        usage=usage(found.duration_s),
    )
    return msgspec.json.encode(body)


def _rttm(found: Diarization, _: bool) -> bytes:
    return rttm.write(_named(found), RECORDING).encode()


def _named(found: Diarization) -> list[NamedTurn]:
    return [
        NamedTurn(turn.start_s, turn.end_s, found.speakers[turn.speaker].name)
        for turn in found.turns
    ]


_WRITE: Mapping[DiarizationFormat, Callable[[Diarization, bool], bytes]] = {
    "json": _json,
    "rttm": _rttm,
}

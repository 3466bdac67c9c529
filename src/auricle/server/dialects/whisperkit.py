"""WhisperKit's local server, as its own clients know it: what they leave out, what they look for.

Knows nothing about uploads or transcriptions. Its faults are not copied: every format and language
asked for is honoured, streamed text is never sent twice, errors are OpenAI's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from auricle.output import formats
from auricle.server.dialects.openai import Dialect
from auricle.server.dialects.shared import SERVED_MODEL
from auricle.server.fields import speakers
from auricle.server.fields.audio_request import Pairs
from auricle.server.fields.form import ABSENT, TRUE
from auricle.server.status import Status
from auricle.types import Format, Task, Transcript

JSON = "application/json; charset=utf-8"

_TYPES: Mapping[Format, str] = {
    "json": "CreateTranscriptionResponseJson",
    "verbose_json": "CreateTranscriptionResponseVerboseJson",
}
"""The Swift client, which is generated, decodes nothing without this discriminator."""

_INDEX = {
    "status": "ok",
    "service": "WhisperKit Local Server",
    "endpoints": [
        {
            "method": "POST",
            "path": "/v1/audio/transcriptions",
            "description": "Transcribe audio to text",
        },
        {
            "method": "POST",
            "path": "/v1/audio/translations",
            "description": "Translate audio to English",
        },
        {"method": "GET", "path": "/health", "description": "Health check endpoint"},
    ],
}


def read(pairs: Pairs, task: Task) -> Pairs:
    """The form as OpenAI's clients would have sent it. Its clients always send granularities,
    ``stream`` and a model, ``tiny`` where the user named none: what does not fit the format means
    nothing there, and its server has one model, whatever is asked for."""
    fields = [(name, value) for name, value in pairs if value.lower() not in ABSENT]
    wanted = _response_format(fields, task)
    kept = [(name, value) for name, value in fields if _bare(name) != "response_format"]
    granularity = "timestamp_granularities"
    if wanted != "verbose_json":
        kept = [(name, value) for name, value in kept if _bare(name) != granularity]
    elif any(_bare(name) == granularity for name, _ in kept):
        kept.append((f"{granularity}[]", "segment"))  # its answers always have segments
    if wanted != "json":
        kept = [(name, value) for name, value in kept if _bare(name) != "include"]
    kept = [(name, _served(value) if name == "model" else value) for name, value in kept]
    return [*kept, ("response_format", wanted)]


def _served(model: str) -> str:
    """The name of the one model; OpenAI's that asks for speakers is one, too, and is kept."""
    return model if speakers.names_model(model) else SERVED_MODEL


def _response_format(fields: Sequence[tuple[str, str]], task: Task) -> str:
    given = [value.lower() for name, value in fields if _bare(name) == "response_format"]
    wanted = "verbose_json" if task == "transcribe" else "json"
    if given and given[-1] != "auto":
        wanted = given[-1]
    if ("stream", "true") not in [(name, value.lower()) for name, value in fields]:
        return wanted
    return "diarized_json" if _with_speakers(fields, wanted) else "json"


def _with_speakers(fields: Iterable[tuple[str, str]], wanted: str) -> bool:
    """Whether a stream is to say who speaks: an answer that is not streamed would."""
    asked = {name: value.lower() for name, value in fields}
    by_model = speakers.names_model(asked.get("model", "")) and wanted not in ("json", "text")
    return wanted == "diarized_json" or asked.get("diarize", str(by_model).lower()) in TRUE


def _bare(name: str) -> str:
    return name.partition("[")[0]


def write(transcript: Transcript, style: formats.Style, _: str) -> bytes:
    """The body of an answer; JSON has sorted keys and is indented."""
    plain = formats.render(transcript, style)
    if style.format not in _TYPES:
        return plain
    body: dict[str, Any] = msgspec.json.decode(plain)
    if transcript.task == "transcribe":
        body["type"] = _TYPES[style.format]
        if style.format == "verbose_json":
            body.setdefault("words", [])
            body["language"] = transcript.language.code if transcript.language else ""
    return _pretty(body)


def _pretty(body: Mapping[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(body, order="sorted"), indent=2)


MEDIA_TYPES: Mapping[Format, str] = {
    **formats.CONTENT_TYPES,
    "json": JSON,
    "verbose_json": JSON,
}

WHISPERKIT = Dialect(read, write, MEDIA_TYPES, sends_done=False)
"""Its Python client takes ``[DONE]`` for text."""


class WhisperKitStatus:
    """``GET /health`` and ``GET /`` as its clients know them, once the server is ready."""

    def __init__(self, status: Status) -> None:
        self._status = status

    async def health(self, request: Request) -> Response:
        answer = await self._status.health(request)
        return answer if answer.status_code != 200 else _json({"status": "ok"})

    async def index(self, _: Request) -> Response:
        return _json(_INDEX)


def _json(body: Mapping[str, Any]) -> Response:
    return Response(msgspec.json.encode(body), media_type=JSON)

"""WhisperKit's local server, as its own clients know it: what they leave out, what they look for.

Knows nothing about uploads or transcriptions. Its faults are not copied: every format and language
asked for is honoured, streamed text is never sent twice, errors are OpenAI's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from auricle.output import formats
from auricle.server.dialects.openai import Dialect
from auricle.server.dialects.shared import SERVED_MODEL
from auricle.server.fields.audio_request import Pairs
from auricle.server.fields.form import ABSENT
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
    stream = any(name == "stream" and value.lower() == "true" for name, value in fields)
    wanted = _response_format(fields, task, stream=stream)
    kept = [(name, value) for name, value in fields if _bare(name) != "response_format"]
    granularity = "timestamp_granularities"
    if wanted != "verbose_json":
        kept = [(name, value) for name, value in kept if _bare(name) != granularity]
    elif any(_bare(name) == granularity for name, _ in kept):
        kept.append((f"{granularity}[]", "segment"))  # its answers always have segments
    if wanted != "json":
        kept = [(name, value) for name, value in kept if _bare(name) != "include"]
    kept = [(name, SERVED_MODEL if name == "model" else value) for name, value in kept]
    return [*kept, ("response_format", wanted)]


def _response_format(fields: Iterable[tuple[str, str]], task: Task, *, stream: bool) -> str:
    if stream:
        return "json"
    given = [value.lower() for name, value in fields if _bare(name) == "response_format"]
    if given and given[-1] != "auto":
        return given[-1]
    return "verbose_json" if task == "transcribe" else "json"


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

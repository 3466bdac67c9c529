"""The operations: what each takes, what it answers, and how it is called.

Knows nothing about what stands behind a path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from auricle.fields.table import FIELDS
from auricle.server.downloads import Download, DownloadList
from auricle.server.machine import MachineBody
from auricle.server.models import ModelList, ModelObject
from auricle.server.openapi import batches, diarization, examples, jobs, listen, realtime
from auricle.server.openapi.answers import (
    ALWAYS,
    OF_RECORDING,
    failures,
    json_content,
    success,
)
from auricle.server.openapi.schemas import Json, ref
from auricle.server.recent_errors import ErrorList
from auricle.server.status import Health, Service
from auricle.server.transport import deadline
from auricle.types import Task

TAGS: Sequence[Json] = (
    {"name": "Audio", "description": "Recordings to text."},
    jobs.TAG,
    batches.TAG,
    {"name": "Models", "description": "What this server can load, and has loaded."},
    {"name": "Server", "description": "How the server is."},
)

PARAMETERS: Json = {
    "ModelId": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "Any of the model's names; it may hold slashes, percent-encoded or not.",
        "schema": {"type": "string", "minLength": 1},
        "example": "whisper-1",
    },
    "Deadline": {
        "name": deadline.HEADER,
        "in": "header",
        "required": False,
        "description": "Seconds after which an answer is of no use; the work is then given up.",
        "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": deadline.MAX_S},
    },
}


@dataclass(frozen=True, slots=True)
class _Operation:
    """One without a body."""

    id: str
    tag: str
    summary: str
    answer: type[msgspec.Struct]
    example: Any
    failures: Json
    security: Sequence[Json] | None = None
    """None for what the whole document says; empty where no key is ever needed."""


_AUDIO_IDS: Mapping[Task, str] = {
    "transcribe": "createTranscription",
    "translate": "createTranslation",
}

_ANY = (401, 403, 500)
"""How everything may end: at the gate, or by a bug."""

_LIST = _Operation(
    "listModels",
    "Models",
    "The names this server answers to",
    ModelList,
    {"object": "list", "data": [examples.MODEL]},
    failures(*_ANY),
)
_MODEL = _Operation(
    "retrieveModel", "Models", "One model", ModelObject, examples.MODEL, failures(404, *_ANY)
)
_LOAD = _Operation(
    "loadModel",
    "Models",
    "Load a model, if it is not",
    ModelObject,
    examples.MODEL,
    failures(404, 503, *_ANY),
)
_UNLOAD = _Operation(
    "unloadModel",
    "Models",
    "Give a model's memory back, if it has any",
    ModelObject,
    {**examples.MODEL, "state": "unloaded", "memory_mb": 0},
    failures(400, 404, *_ANY),
)
_DOWNLOADS = _Operation(
    "listDownloads",
    "Models",
    "Every known model, and whether its files are on the server's machine",
    DownloadList,
    {"object": "list", "data": [examples.DOWNLOAD], "refusal": None},
    failures(*_ANY),
)
_DOWNLOAD = _Operation(
    "downloadModel",
    "Models",
    "Put a known model on the server's machine, if it is not there",
    Download,
    {**examples.DOWNLOAD, "state": "here", "received_bytes": examples.DOWNLOAD["bytes"]},
    {
        "202": success(json_content(Download, examples.DOWNLOAD), "It is on its way."),
        **failures(404, 429, 507, *_ANY),
    },
)
_CANCEL = _Operation(
    "cancelDownload",
    "Models",
    "Fetch no more of a model",
    Download,
    {**examples.DOWNLOAD, "state": "cancelled"},
    failures(404, *_ANY),
)
_MACHINE = _Operation(
    "machine",
    "Server",
    "What the machine has, and what the server uses of it",
    MachineBody,
    examples.MACHINE,
    failures(503, *_ANY),
)
_ERRORS = _Operation(
    "listErrors",
    "Server",
    "Which of the asker's requests failed lately",
    ErrorList,
    {"object": "list", "data": [examples.FAILED_REQUEST]},
    failures(*_ANY),
)
_HEALTH = _Operation(
    "health",
    "Server",
    "Whether the server can take requests",
    Health,
    examples.HEALTH,
    {
        "503": {
            **success(json_content(Health, examples.LOADING), "Not ready."),
            "headers": {**ALWAYS, "retry-after": {"$ref": "#/components/headers/RetryAfter"}},
        },
        **failures(403, 500),
    },
    security=(),
)
_READY = replace(
    _HEALTH, id="ready", summary="The same, after the model has shown lately that it reads"
)
_INDEX = _Operation(
    "index",
    "Server",
    "What this server is; for browsers, the page",
    Service,
    examples.SERVICE,
    failures(*_ANY),
)


def paths() -> Json:
    model_id = {"parameters": [{"$ref": "#/components/parameters/ModelId"}]}
    return {
        "/v1/audio/transcriptions": {
            "post": _audio("transcribe", "Write down what is said in a recording")
        },
        "/v1/audio/translations": {
            "post": _audio("translate", "Write down in English what is said in a recording")
        },
        "/v1/audio/diarization": {"post": diarization.operation()},
        "/v1/listen": {"post": listen.operation()},
        "/v1/models": {"get": _plain(_LIST)},
        "/v1/models/{id}/load": {"post": {**_plain(_LOAD), **model_id}},
        "/v1/models/{id}/unload": {"post": {**_plain(_UNLOAD), **model_id}},
        "/v1/models/{id}/download": {
            "post": {**_plain(_DOWNLOAD), **model_id},
            "delete": {**_plain(_CANCEL), **model_id},
        },
        "/v1/downloads": {"get": _plain(_DOWNLOADS)},
        "/v1/machine": {"get": _plain(_MACHINE)},
        "/v1/models/{id}": {"get": {**_plain(_MODEL), **model_id}},
        "/health": {"get": _plain(_HEALTH)},
        "/livez": {
            "get": {
                **_text("live", "Whether the process answers at all", "ok\n", failures(403, 500)),
                "security": (),
            }
        },
        "/readyz": {"get": _plain(_READY)},
        "/": {"get": _plain(_INDEX)},
        **jobs.paths(),
        **batches.paths(),
        "/v1/realtime/client_secrets": {"post": realtime.operation()},
        "/metrics": {
            "get": _text(
                "metrics",
                "What the server has done and holds now, for Prometheus",
                examples.METRICS,
                failures(*_ANY),
            )
        },
        "/v1/errors": {"get": _plain(_ERRORS)},
    }


def _text(name: str, summary: str, example: str, failed: Json) -> Json:
    """One without a body that answers with text."""
    content = {"text/plain": {"schema": {"type": "string"}, "example": example}}
    return {
        "operationId": name,
        "tags": ["Server"],
        "summary": summary,
        "responses": {"200": success(content, "The answer."), **failed},
    }


def _plain(operation: _Operation) -> Json:
    return {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        **({} if operation.security is None else {"security": operation.security}),
        "responses": {
            "200": success(json_content(operation.answer, operation.example), "The answer."),
            **operation.failures,
        },
    }


def _audio(task: Task, summary: str) -> Json:
    return {
        "operationId": _AUDIO_IDS[task],
        "tags": ["Audio"],
        "summary": summary,
        "parameters": [{"$ref": "#/components/parameters/Deadline"}],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": ref("AudioForm"),
                    "encoding": _encoding(),
                    "examples": examples.requests(task),
                },
                "application/json": {"schema": ref("AudioJson"), "example": examples.AS_JSON},
            },
        },
        "responses": {
            "200": success(
                _audio_content(task),
                "The text, as response_format and stream ask.",
                {**ALWAYS, **OF_RECORDING},
            ),
            **failures(400, 401, 403, 404, 408, 413, 429, 500, 503, 504, 507),
        },
        "x-codeSamples": examples.code(task),
    }


def _encoding() -> Json:
    lists = {
        field.form_name: {"style": "form", "explode": True}
        for field in FIELDS
        if field.schema.get("type") == "array"
    }
    return {"file": {"contentType": "audio/*, video/*, application/octet-stream"}, **lists}


def _audio_content(task: Task) -> Json:
    return {
        "application/json": {
            "schema": {"oneOf": [ref("VerboseBody"), ref("DiarizedBody"), ref("JsonBody")]},
            "examples": examples.bodies(task),
        },
        "text/plain": {
            "schema": {"type": "string", "description": "For text, srt and vtt."},
            "examples": examples.TEXTS,
        },
        "text/event-stream": {
            "schema": ref("TranscriptionEvent"),
            "examples": {"stream": {"summary": "stream=true", "value": examples.STREAM}},
        },
    }

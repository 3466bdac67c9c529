"""The OpenAPI document, made from the structs that are sent and the table of form fields; and the
page that shows it without fetching anything from elsewhere.

Knows nothing about how requests are answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auricle import __version__
from auricle.formats import JsonBody, VerboseBody
from auricle.server.errors import ErrorBody
from auricle.server.form_fields import FIELDS
from auricle.server.models import ModelList, ModelObject, Queue
from auricle.server.sse import TextDelta, TextDone
from auricle.server.status import Health, Service

_BODIES = (
    JsonBody,
    VerboseBody,
    TextDelta,
    TextDone,
    ErrorBody,
    ModelList,
    ModelObject,
    Queue,
    Health,
    Service,
)

_ERRORS = {
    400: "A field, or the recording, that cannot be served; the message says what is allowed.",
    404: "No such model here.",
    408: "The upload stopped before its end.",
    413: "More bytes than this server takes.",
    429: "The queue is full; Retry-After says when to ask again.",
    500: "The server failed on this recording, and would again.",
    503: "Loading a model, no memory for it, or shutting down; Retry-After says when to ask again.",
    507: "No room for the recording on the server's disk.",
}

_REQUEST_ID = {
    "x-request-id": {
        "description": "Names this request in the server's log.",
        "schema": {"type": "string", "pattern": "^req_[0-9a-f]{32}$"},
    }
}

_PAGE = Path(__file__).with_name("docs.html")

Json = Mapping[str, Any]


async def document(_: Request) -> Response:
    """``GET /openapi.json``"""
    return Response(msgspec.json.encode(openapi()), media_type="application/json")


async def page(_: Request) -> Response:
    """``GET /docs``"""
    return HTMLResponse(_PAGE.read_bytes())


def openapi() -> Json:
    """The whole document."""
    _, schemas = msgspec.json.schema_components(_BODIES, ref_template="#/components/schemas/{name}")
    for schema in schemas.values():
        schema["description"] = " ".join(schema.get("description", "").split()).replace("``", "`")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Auricle",
            "version": __version__,
            "description": "Speech to text on your own machine, through OpenAI's Audio API.",
        },
        "servers": [{"url": "/"}],
        "paths": _paths(),
        "components": {"schemas": {**schemas, "AudioForm": _audio_form()}},
    }


def _paths() -> Json:
    model_id = {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "May hold slashes, as hub ids do.",
        "schema": {"type": "string"},
    }
    not_loaded = {"404": _error(404), "503": _error(503)}
    in_use = {"400": _json_answer(ErrorBody, "The model is in use."), "404": _error(404)}
    not_ready = {"503": _json_answer(Health, "Not ready.")}
    return {
        "/v1/audio/transcriptions": {
            "post": _audio("createTranscription", "Write down what is said in a recording.")
        },
        "/v1/audio/translations": {
            "post": _audio("createTranslation", "Write down in English what is said.")
        },
        "/v1/models": {
            "get": _get("listModels", "The names this server answers to.", ModelList, {})
        },
        "/v1/models/{id}/load": {
            "post": {
                **_get("loadModel", "Load a model, if it is not.", ModelObject, not_loaded),
                "parameters": [model_id],
            }
        },
        "/v1/models/{id}/unload": {
            "post": {
                **_get("unloadModel", "Give its memory back, if it has any.", ModelObject, in_use),
                "parameters": [model_id],
            }
        },
        "/v1/models/{id}": {
            "get": {
                **_get("retrieveModel", "One of them.", ModelObject, {"404": _error(404)}),
                "parameters": [model_id],
            }
        },
        "/health": {
            "get": _get("health", "Whether the server can take requests.", Health, not_ready)
        },
        "/": {"get": _get("index", "What this server is.", Service, {})},
    }


def _audio(operation: str, summary: str) -> Json:
    return {
        "operationId": operation,
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": _ref("AudioForm"),
                    "encoding": {
                        field.name: {"style": "form", "explode": True}
                        for field in FIELDS
                        if field.schema.get("type") == "array"
                    },
                }
            },
        },
        "responses": {
            "200": _audio_answer(),
            **{str(status): _error(status) for status in _ERRORS},
        },
    }


def _audio_answer() -> Json:
    plain = {"schema": {"type": "string"}}
    return {
        "description": "The text, in the format that response_format asked for.",
        "headers": _REQUEST_ID,
        "content": {
            "application/json": {"schema": {"oneOf": [_ref("JsonBody"), _ref("VerboseBody")]}},
            "text/plain": plain,
            "text/event-stream": {
                "schema": {
                    "type": "string",
                    "description": "With stream=true: one JSON object in each data line, TextDelta "
                    "as text comes, TextDone at the end or ErrorBody on failure, then [DONE]. "
                    "Lines that begin with a colon keep the connection open.",
                    "contentMediaType": "text/event-stream",
                    "contentSchema": {
                        "oneOf": [_ref("TextDelta"), _ref("TextDone"), _ref("ErrorBody")]
                    },
                }
            },
        },
    }


def _audio_form() -> Json:
    return {
        "type": "object",
        "required": [field.name for field in FIELDS if field.is_required],
        "properties": {field.name: {**field.schema, "description": field.help} for field in FIELDS},
    }


def _get(operation: str, summary: str, body: type[msgspec.Struct], others: Json) -> Json:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": _json_answer(body, "The answer."), **others},
    }


def _json_answer(body: type[msgspec.Struct], description: str) -> Json:
    return {
        "description": description,
        "headers": _REQUEST_ID,
        "content": {"application/json": {"schema": _ref(body.__name__)}},
    }


def _error(status: int) -> Json:
    return _json_answer(ErrorBody, _ERRORS[status])


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}

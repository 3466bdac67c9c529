"""``/v1/files`` and ``/v1/batches`` in the document.

Knows nothing about what is done for them.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from auricle.jobs.files import KEEP_S
from auricle.server.batches import bodies
from auricle.server.batches.endpoints import MAX_KEY_CHARS, MAX_METADATA, MAX_VALUE_CHARS
from auricle.server.batches.files import MIN_EXPIRY_S, PURPOSES
from auricle.server.batches.lines import ENDPOINTS
from auricle.server.openapi.answers import failures, json_content, success
from auricle.server.openapi.schemas import Json

TAG: Final = {"name": "Batches", "description": "OpenAI's Batch API for transcriptions."}

_FILE: Final = bodies.FileBody(
    id="file-0123456789abcdef0123456789abcdef",
    bytes=1204,
    created_at=1_790_000_000,
    expires_at=1_792_592_000,
    filename="lines.jsonl",
    purpose="batch",
)
_BATCH: Final = bodies.BatchBody(
    id="batch_0123456789abcdef0123456789abcdef",
    endpoint=ENDPOINTS[0],
    errors=None,
    input_file_id=_FILE.id,
    completion_window="24h",
    status="in_progress",
    output_file_id=None,
    error_file_id=None,
    created_at=1_790_000_000,
    in_progress_at=1_790_000_001,
    expires_at=1_790_086_400,
    finalizing_at=None,
    completed_at=None,
    failed_at=None,
    expired_at=None,
    cancelling_at=None,
    cancelled_at=None,
    request_counts=bodies.RequestCounts(100, 42, 1),
    metadata={"day": "Monday"},
)
_FILES: Final = bodies.FileList(data=(_FILE,), first_id=_FILE.id, last_id=_FILE.id, has_more=False)
_BATCHES: Final = bodies.BatchList(
    data=(_BATCH,), first_id=_BATCH.id, last_id=_BATCH.id, has_more=False
)

_EXPIRES: Final[Json] = {
    "type": "object",
    "required": ["anchor", "seconds"],
    "properties": {
        "anchor": {"const": "created_at"},
        "seconds": {
            "type": "integer",
            "minimum": MIN_EXPIRY_S,
            "maximum": int(KEEP_S),
            "default": int(KEEP_S),
        },
    },
}

_FORM: Final[Json] = {
    "type": "object",
    "required": ["file", "purpose"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "purpose": {
            "type": "string",
            "enum": list(PURPOSES),
            "description": "batch for a file of lines, user_data for a recording that one names.",
        },
        "expires_after": _EXPIRES,
    },
}

_ASKED: Final[Json] = {
    "type": "object",
    "required": ["input_file_id", "endpoint", "completion_window"],
    "properties": {
        "input_file_id": {"type": "string", "description": "A file of lines."},
        "endpoint": {"type": "string", "enum": list(ENDPOINTS)},
        "completion_window": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,5}[hd]$",
            "description": "Hours or days; what is not done by then is not done at all.",
        },
        "metadata": {
            "type": ["object", "null"],
            "maxProperties": MAX_METADATA,
            "propertyNames": {"maxLength": MAX_KEY_CHARS},
            "additionalProperties": {"type": "string", "maxLength": MAX_VALUE_CHARS},
        },
        "output_expires_after": _EXPIRES,
    },
}


def paths() -> Json:
    file, batch = _parameter("file"), _parameter("batch")
    return {
        "/v1/files": {
            "post": {
                **_operation("createFile", "Leave a file here", _FILE, 400, 408, 413, 429, 507),
                "requestBody": {
                    "required": True,
                    "content": {"multipart/form-data": {"schema": _FORM}},
                },
            },
            "get": {
                **_operation("listFiles", "Your files, the newest first", _FILES, 400),
                "parameters": _page(10_000, ("order", "purpose")),
            },
        },
        "/v1/files/{id}/content": {"get": {**_content(), "parameters": [file]}},
        "/v1/files/{id}": {
            "get": {**_operation("retrieveFile", "A file", _FILE), "parameters": [file]},
            "delete": {
                **_operation("deleteFile", "Forget a file", bodies.FileDeleted(id=_FILE.id)),
                "parameters": [file],
            },
        },
        "/v1/batches": {
            "post": {
                **_operation("createBatch", "Have a file of requests done", _BATCH, 400, 408, 413),
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": _ASKED}},
                },
            },
            "get": {
                **_operation("listBatches", "Your batches, the newest first", _BATCHES, 400),
                "parameters": _page(100, ()),
            },
        },
        "/v1/batches/{id}/cancel": {
            "post": {
                **_operation("cancelBatch", "Do no more of a batch", _BATCH, 409),
                "parameters": [batch],
            }
        },
        "/v1/batches/{id}": {
            "get": {**_operation("retrieveBatch", "A batch", _BATCH), "parameters": [batch]}
        },
    }


def _operation(name: str, summary: str, example: msgspec.Struct, *statuses: int) -> dict[str, Any]:
    content = json_content(type(example), msgspec.to_builtins(example))
    return {
        "operationId": name,
        "tags": ["Batches"],
        "summary": summary,
        "responses": {
            "200": success(content, "The answer."),
            **failures(*statuses, 401, 403, 404, 500, 503),
        },
    }


def _content() -> dict[str, Any]:
    return {
        "operationId": "retrieveFileContent",
        "tags": ["Batches"],
        "summary": "What is in a file",
        "responses": {
            "200": success(
                {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
                "Its bytes.",
            ),
            **failures(401, 403, 404, 500, 503),
        },
    }


def _parameter(what: str) -> Json:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": f"The `id` of the {what}.",
        "schema": {"type": "string", "minLength": 1},
    }


def _page(most: int, more: tuple[str, ...]) -> list[Json]:
    schemas: dict[str, Json] = {
        "limit": {"type": "integer", "minimum": 1, "maximum": most},
        "after": {"type": "string"},
        "order": {"type": "string", "enum": ["asc", "desc"], "default": "desc"},
        "purpose": {"type": "string"},
    }
    names = ("limit", "after", *more)
    return [{"name": name, "in": "query", "schema": schemas[name]} for name in names]

"""What a server answers besides its success: errors by status, with examples, and headers.

Knows nothing about paths; which of them may end how is said there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from auricle import errors
from auricle.server.errors import body_of
from auricle.server.openapi.schemas import Json, ref
from auricle.server.transport import upload

HEADERS: Json = {
    "RequestId": {
        "description": "Names this request in the server's log.",
        "schema": {"type": "string", "pattern": "^req_[0-9a-f]{32}$"},
    },
    "ProcessingMs": {
        "description": "How long the request took, in milliseconds.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RetryAfter": {
        "description": "In how many seconds to ask again; absent where that would not help.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "AudioTrack": {
        "description": "Which audio track was read, for a file with several.",
        "schema": {"type": "string"},
        "example": "1 of 2; language=de",
    },
    "Warning": {
        "description": "What of the recording could not be read; may come several times, and only "
        "with answers that did not begin early.",
        "schema": {"type": "string"},
    },
    "Challenge": {
        "description": "How to send a key.",
        "schema": {"type": "string"},
        "example": 'Bearer realm="auricle"',
    },
    "ShouldRetry": {
        "description": "false where the same request would fail the same way.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
}

ALWAYS: Json = {
    "x-request-id": {"$ref": "#/components/headers/RequestId"},
    "openai-processing-ms": {"$ref": "#/components/headers/ProcessingMs"},
}
"""Headers of every answer."""

OF_RECORDING: Json = {
    "x-auricle-audio-track": {"$ref": "#/components/headers/AudioTrack"},
    "x-auricle-warning": {"$ref": "#/components/headers/Warning"},
}
"""Headers of answers about a recording."""

_RETRY: Json = {
    "retry-after": {"$ref": "#/components/headers/RetryAfter"},
    "x-should-retry": {"$ref": "#/components/headers/ShouldRetry"},
}

_EXAMPLES: dict[str, errors.AuricleError] = {
    "no model": errors.InvalidRequest("you must provide a model parameter"),
    "no file": errors.InvalidRequest(
        "Missing required parameter: 'file'.", param="file", code="missing_required_parameter"
    ),
    "value out of range": errors.InvalidRequest(
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 1, but got 1.5 "
        "instead.",
        param="temperature",
        code="decimal_above_max_value",
    ),
    "unknown value": errors.InvalidRequest(
        "Invalid 'response_format': got 'xml'. Supported values are: 'json', 'text', 'srt', "
        "'verbose_json', 'vtt', 'diarized_json'.",
        param="response_format",
        code="invalid_value",
    ),
    "not a recording": errors.BadMedia(
        "Audio file might be corrupted or unsupported", param="file", code="invalid_value"
    ),
    "wrong key": errors.Unauthorized(
        "Incorrect API key provided: sk-t****test.", code="invalid_api_key"
    ),
    "foreign page": errors.InvalidRequest(
        "Pages of the origin 'https://example.com' may not use this server. Its operator can "
        "allow them with the setting cors_origins.",
        code="origin_not_allowed",
    ),
    "unknown model": errors.ModelNotFound(
        "The model `x` does not exist or you do not have access to it.", code="model_not_found"
    ),
    "upload stopped": errors.UploadStalled("The upload sent nothing for 60 seconds."),
    "not completed": errors.Conflict(
        "The job 'job_0123456789abcdef0123456789abcdef' has no result: it is running.",
        param="id",
        code="job_not_completed",
    ),
    "too large": errors.TooLarge(
        "Maximum content size limit (26214400) exceeded (26306794 bytes read)"
    ),
    "queue full": errors.Overloaded(
        "Busy: the work that waits takes about 40 seconds; try again later.",
        code="rate_limit_exceeded",
    ),
    "engine failed": errors.EngineFailed("The engine failed twice on the recording at 30 s."),
    "shutting down": errors.Unavailable("The server is shutting down."),
    "too late": errors.DeadlineExceeded(
        "The request was not answered within 5 seconds.", code="deadline_exceeded"
    ),
    "disk full": errors.StorageFull(upload.FULL),
    "in use": errors.InvalidRequest("The model is in use.", code="model_in_use"),
}

_MEANINGS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    400: (
        "BadRequest",
        "A field, or the recording, that cannot be served; the message says what is allowed.",
        ("no model", "no file", "value out of range", "unknown value", "not a recording", "in use"),
    ),
    401: ("Unauthorized", "The API key is missing or not one of this server's.", ("wrong key",)),
    403: (
        "Forbidden",
        "Asked by a web page, under a host name, or for a model or download, that is not allowed.",
        ("foreign page",),
    ),
    404: ("NotFound", "No such model here.", ("unknown model",)),
    408: ("UploadStopped", "The upload stopped before its end.", ("upload stopped",)),
    409: ("Conflict", "Not as long as things are as they are.", ("not completed",)),
    413: ("TooLarge", "More bytes than this server takes.", ("too large",)),
    429: ("Busy", "The queue is full; Retry-After says when to ask again.", ("queue full",)),
    500: ("Failed", "The server failed on this request, and would again.", ("engine failed",)),
    503: (
        "Unavailable",
        "Loading a model, no memory for it, or shutting down; Retry-After says when to ask again.",
        ("shutting down",),
    ),
    504: ("TooLate", "Not answered in the time the request or the server allows.", ("too late",)),
    507: ("StorageFull", "No room for the recording on the server's disk.", ("disk full",)),
}


def failures(*statuses: int) -> Json:
    """References to the error answers of some statuses, for an operation's responses."""
    return {
        str(status): {"$ref": f"#/components/responses/{_MEANINGS[status][0]}"}
        for status in sorted(statuses)
    }


def success(content: Json, description: str, headers: Mapping[str, Json] = ALWAYS) -> Json:
    """An answer, with every common header if there are no others."""
    return {"description": description, "headers": headers, "content": content}


def json_content(body: type[msgspec.Struct], example: Any = None) -> Json:
    media = {"schema": ref(body)}
    return {"application/json": media if example is None else {**media, "example": example}}


def _failure(status: int) -> Json:
    _, description, names = _MEANINGS[status]
    examples = {
        name.replace(" ", "-"): {
            "summary": name,
            "value": msgspec.to_builtins(body_of(_EXAMPLES[name])),
        }
        for name in names
    }
    special: Json = {}
    if status in (408, 409, 429) or status >= 500:
        special = _RETRY
    elif status == 401:
        special = {"www-authenticate": {"$ref": "#/components/headers/Challenge"}}
    return {
        "description": description,
        "headers": {**ALWAYS, **special},
        "content": {"application/json": {"schema": ref("ErrorBody"), "examples": examples}},
    }


RESPONSES: Json = {_MEANINGS[status][0]: _failure(status) for status in _MEANINGS}
"""The error answers by name."""

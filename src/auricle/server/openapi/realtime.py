"""The one operation of the Realtime API that is a request: keys for pages. The rest is a websocket,
which OpenAPI cannot describe.

Knows nothing about how they are made.
"""

from __future__ import annotations

from typing import Any, Final

from auricle.server.dialects.realtime.configuration import Configuration, Transcription
from auricle.server.dialects.realtime.events import session_shown
from auricle.server.dialects.realtime.secrets import DEFAULT_SECONDS, SECONDS
from auricle.server.openapi.answers import failures, success
from auricle.server.openapi.schemas import Json

ABOUT: Final = (
    "`GET /v1/realtime?intent=transcription` is a websocket that speaks OpenAI's Realtime API for "
    "transcription: audio goes in as `input_audio_buffer.append`, text comes out as "
    "`conversation.item.input_audio_transcription.delta` and `.completed`. It takes the same keys, "
    "and those that `POST /v1/realtime/client_secrets` makes for pages."
)

_LOW, _HIGH = SECONDS

_SESSION: Final[Json] = {
    "type": "object",
    "description": "What `session.update` takes.",
    "required": ["type"],
    "properties": {
        "type": {"const": "transcription"},
        "audio": {"type": "object", "description": "`input`: how audio is heard and written down."},
        "include": {"type": ["array", "null"], "items": {"type": "string"}},
    },
}

_EXAMPLE: Final[dict[str, Any]] = {
    "value": "ek_68af296e8e408191a1120ab6383263c2",
    "expires_at": 1796000000,
    "session": session_shown(
        "sess_68af296e8e408191a1120", 0, Configuration(transcription=Transcription("whisper-1"))
    ),
}

_ANSWER: Final[Json] = {
    "type": "object",
    "required": ["value", "expires_at", "session"],
    "properties": {
        "value": {"type": "string", "description": "The key."},
        "expires_at": {"type": "integer", "description": "Seconds since 1970."},
        "session": {"type": "object", "description": "The session it is for."},
    },
}


def operation() -> Json:
    return {
        "operationId": "createClientSecret",
        "tags": ["Audio"],
        "summary": "Make a key with which a page can open a live session for a while",
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "expires_after": {
                                "type": ["object", "null"],
                                "properties": {
                                    "anchor": {"const": "created_at"},
                                    "seconds": {
                                        "type": "integer",
                                        "minimum": _LOW,
                                        "maximum": _HIGH,
                                        "default": DEFAULT_SECONDS,
                                    },
                                },
                                "additionalProperties": False,
                            },
                            "session": _SESSION,
                        },
                        "additionalProperties": False,
                    },
                    "example": {
                        "expires_after": {"anchor": "created_at", "seconds": DEFAULT_SECONDS},
                        "session": {"type": "transcription"},
                    },
                }
            }
        },
        "responses": {
            "200": success(
                {"application/json": {"schema": _ANSWER, "example": _EXAMPLE}}, "The key."
            ),
            **failures(400, 401, 403, 404, 408, 413, 429, 500, 503),
        },
    }

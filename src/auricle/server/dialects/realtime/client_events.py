"""What a client says in a session: its messages, read and checked.

Knows nothing about what becomes of them.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from auricle.errors import InvalidRequest
from auricle.server.dialects.realtime.fields import Fields, refuse_choice

SUPPORTED = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.retrieve",
    "conversation.item.delete",
)

CONVERSATIONAL = frozenset(
    {
        "conversation.item.create",
        "conversation.item.truncate",
        "response.create",
        "response.cancel",
        "output_audio_buffer.clear",
    }
)
"""Events of sessions in which a model answers."""

MAX_AUDIO_CHARS = 15 * 1024 * 1024
MAX_ID_CHARS = 512


def read(message: str | bytes) -> dict[str, Any]:
    """A message as an object.

    Raises:
        InvalidRequest: it is none.
    """
    if isinstance(message, bytes):
        raise InvalidRequest(
            "Expected a text WebSocket message; binary frames are not supported.",
            code="invalid_event",
        )
    try:
        event = msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidRequest(
            f"Invalid event: failed to parse JSON value. {exc}", code="invalid_json"
        ) from exc
    if not isinstance(event, dict):
        raise InvalidRequest("Invalid event: expected a JSON object.", code="invalid_json")
    return event


def event_id(event: dict[str, Any]) -> str | None:
    """By what its client knows an event, for errors about it."""
    given = event.get("event_id")
    return given if isinstance(given, str) and len(given) <= MAX_ID_CHARS else None


def kind(event: Fields) -> str:
    """The type of an event, one of `SUPPORTED`.

    Raises:
        InvalidRequest: it is none of them, or the event's own id is no id.
    """
    event.text("event_id", MAX_ID_CHARS)
    name = event.required("type")
    if not isinstance(name, str) or (name not in SUPPORTED and name not in CONVERSATIONAL):
        refuse_choice("type", str(name), SUPPORTED)
    if name in CONVERSATIONAL:
        raise InvalidRequest(
            f"The event '{name}' is not supported in a transcription session.",
            param="type",
            code="invalid_value",
        )
    return name


def audio(event: Fields) -> bytes:
    """What is appended. Raises `InvalidRequest` if that is no base64."""
    event.known("type", "event_id", "audio")
    encoded = event.required_text("audio", MAX_AUDIO_CHARS)
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidRequest(
            "Invalid 'audio': expected base64-encoded bytes.", param="audio", code="invalid_value"
        ) from exc


def item_id(event: Fields) -> str:
    """Which item an event is about."""
    event.known("type", "event_id", "item_id")
    return event.required_text("item_id", MAX_ID_CHARS)

"""The shape that events had before OpenAI's Realtime API left beta, from and to that of today.

Knows nothing about sessions. Clients ask for it by the header ``OpenAI-Beta: realtime=v1``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auricle.errors import InvalidRequest

HEADER = "realtime=v1"
SUBPROTOCOL = "openai-beta.realtime-v1"

_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_FORMAT_NAMES = {new: old for old, new in _FORMATS.items()}

_INPUTS = {
    "input_audio_transcription": "transcription",
    "input_audio_noise_reduction": "noise_reduction",
    "turn_detection": "turn_detection",
}
"""Fields of a session, and what they are called today under ``audio.input``."""

_UNUSED = frozenset({"modalities", "id", "object", "expires_at", "client_secret"})
"""What clients of that time send back, or send for conversations."""

_PATHS = {
    "session.audio.input.format.type": "session.input_audio_format",
    **{f"session.audio.input.{new}": f"session.{old}" for old, new in _INPUTS.items()},
}

_RENAMED = {
    "session.created": "transcription_session.created",
    "session.updated": "transcription_session.updated",
}


def current_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """A client's event as it would be today."""
    if event.get("type") not in ("transcription_session.update", "session.update"):
        return dict(event)
    session = event.get("session")
    if isinstance(session, dict):
        session = current_session(session)
    return {**event, "type": "session.update", "session": session}


def current_session(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A session's fields as they would be today; those that nobody knows stay where they are."""
    given: dict[str, Any] = {}
    rest: dict[str, Any] = {"type": "transcription"}
    for name, value in flat.items():
        if name in _INPUTS:
            given[_INPUTS[name]] = value
        elif name == "input_audio_format":
            known = _FORMATS.get(value, value) if isinstance(value, str) else value
            given["format"] = {"type": known} if value else None
        elif name not in _UNUSED:
            rest[name] = value
    return {**rest, "audio": {"input": given}}


def flat_session(session: Mapping[str, Any]) -> dict[str, Any]:
    """A session as it was shown then."""
    given = session["audio"]["input"]
    return {
        "id": session["id"],
        "object": session["object"],
        "expires_at": session["expires_at"],
        "modalities": ["audio", "text"],
        "input_audio_format": _FORMAT_NAMES[given["format"]["type"]],
        **{old: given[new] for old, new in _INPUTS.items()},
        "include": session["include"],
    }


def beta_event(event: dict[str, Any]) -> dict[str, Any] | None:
    """An event of today as it was then; None: there was none."""
    match event["type"]:
        case "session.created" | "session.updated" as name:
            return {**event, "type": _RENAMED[name], "session": flat_session(event["session"])}
        case "conversation.item.added":
            item = {**event["item"], "object": "realtime.item"}
            return {**event, "type": "conversation.item.created", "item": item}
        case "conversation.item.retrieved":
            return {**event, "item": {**event["item"], "object": "realtime.item"}}
        case "conversation.item.done":
            return None
    return event


def beta_error(exc: InvalidRequest) -> InvalidRequest:
    """The error by the names of then."""
    for new, old in _PATHS.items():
        if exc.param is not None and (exc.param == new or exc.param.startswith(f"{new}.")):
            param = old + exc.param.removeprefix(new)
            message = exc.message.replace(exc.param, param)
            for name, name_then in _FORMAT_NAMES.items():
                message = message.replace(f"'{name}'", f"'{name_then}'")
            return InvalidRequest(message, param=param, code=exc.code)
    return exc

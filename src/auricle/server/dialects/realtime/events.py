"""What the server says in a session, and how a session is shown.

Knows nothing about when it is said. Names are OpenAI's; `Tentative`, and words' times, are ours.
"""

from __future__ import annotations

from typing import Any

import msgspec

from auricle.output.formats import SpokenLanguage, TokenLogprob, Usage, VerboseWord
from auricle.server.dialects.realtime.configuration import (
    RATE,
    Configuration,
    ServerVad,
    Transcription,
    TurnDetection,
)

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class ServerEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """One message to the client; its id is given when it is sent."""

    event_id: str = ""


class SessionCreated(ServerEvent, frozen=True, kw_only=True, tag="session.created"):
    session: dict[str, Any]


class SessionUpdated(ServerEvent, frozen=True, kw_only=True, tag="session.updated"):
    session: dict[str, Any]


class SpeechStarted(
    ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_started"
):
    audio_start_ms: int
    item_id: str


class SpeechStopped(
    ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_stopped"
):
    audio_end_ms: int
    item_id: str


class TimeoutTriggered(
    ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.timeout_triggered"
):
    audio_start_ms: int
    audio_end_ms: int
    item_id: str


class Committed(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.committed"):
    item_id: str
    previous_item_id: str | None


class Cleared(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.cleared"):
    pass


class AudioContent(msgspec.Struct, frozen=True):
    transcript: str | None
    type: str = "input_audio"


class Item(msgspec.Struct, frozen=True):
    """What somebody said between two commits."""

    id: str
    content: tuple[AudioContent]
    type: str = "message"
    status: str = "completed"
    role: str = "user"


class ItemAdded(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.added"):
    previous_item_id: str | None
    item: Item


class ItemDone(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.done"):
    previous_item_id: str | None
    item: Item


class ItemRetrieved(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.retrieved"):
    item: Item


class ItemDeleted(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.deleted"):
    item_id: str


class Delta(ServerEvent, frozen=True, kw_only=True, tag=f"{_TRANSCRIPTION}.delta"):
    """Text to append to what came before; it is never taken back."""

    item_id: str
    content_index: int = 0
    delta: str
    logprobs: tuple[TokenLogprob, ...] | msgspec.UnsetType = msgspec.UNSET
    words: tuple[VerboseWord, ...] | msgspec.UnsetType = msgspec.UNSET


class Tentative(ServerEvent, frozen=True, kw_only=True, tag=f"{_TRANSCRIPTION}.tentative"):
    """What seems to be said behind the deltas so far; the next one replaces it."""

    item_id: str
    content_index: int = 0
    text: str


class Segment(ServerEvent, frozen=True, kw_only=True, tag=f"{_TRANSCRIPTION}.segment"):
    """What one speaker says, times in the session's seconds. Segments of an item follow each other;
    neither they nor their speakers are taken back."""

    id: str
    item_id: str
    content_index: int = 0
    text: str
    speaker: str
    start: float
    end: float


class Completed(ServerEvent, frozen=True, kw_only=True, tag=f"{_TRANSCRIPTION}.completed"):
    """``transcript`` is exactly the deltas joined."""

    item_id: str
    content_index: int = 0
    transcript: str
    languages: tuple[SpokenLanguage, ...]
    logprobs: tuple[TokenLogprob, ...] | msgspec.UnsetType = msgspec.UNSET
    words: tuple[VerboseWord, ...] | msgspec.UnsetType = msgspec.UNSET
    usage: Usage


class ErrorShape(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    code: str | None
    message: str
    param: str | None


class Failed(ServerEvent, frozen=True, kw_only=True, tag=f"{_TRANSCRIPTION}.failed"):
    item_id: str
    content_index: int = 0
    error: ErrorShape


class EventError(ErrorShape, frozen=True, kw_only=True):
    event_id: str | None
    """That of the client's event which was wrong, if it had one."""


class Error(ServerEvent, frozen=True, kw_only=True, tag="error"):
    error: EventError


def session_shown(session_id: str, expires_at: int, shown: Configuration) -> dict[str, Any]:
    """A session as its client sees it."""
    form: dict[str, Any] = {"type": shown.format}
    if shown.format == "audio/pcm":
        form["rate"] = RATE
    noise = shown.noise_reduction
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": form,
                "transcription": transcription_shown(shown.transcription),
                "noise_reduction": None if noise is None else _without_none(noise),
                "turn_detection": turn_detection_shown(shown.turn_detection),
            }
        },
        "include": list(shown.include) or None,
    }


def transcription_shown(asked: Transcription | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    shown: dict[str, Any] = {
        "model": asked.model,
        "language": asked.language,
        "prompt": asked.prompt,
    }
    if asked.languages:
        shown["languages"] = list(asked.languages)
    if asked.keywords:
        shown["keywords"] = list(asked.keywords)
    if asked.delay:
        shown["delay"] = asked.delay
    return shown


def turn_detection_shown(ending: TurnDetection | None) -> dict[str, Any] | None:
    if ending is None:
        return None
    shown: dict[str, Any] = msgspec.to_builtins(ending)
    if isinstance(ending, ServerVad) and ending.idle_timeout_ms is None:
        del shown["idle_timeout_ms"]
    return shown


def _without_none(value: object) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(value)
    return {name: each for name, each in shown.items() if each is not None}

"""What is said on the socket of ``/v2/listen``: the server's messages and the client's.

Knows nothing about when they are sent, or what becomes of them.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from auricle.server.dialects.deepgram.messages import CloseStream, KeepAlive

Event = Literal["StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"]
Trigger = Literal["model", "timeout", "manual"]


class FluxWord(msgspec.Struct, frozen=True):
    word: str
    confidence: float
    start: float
    end: float


class Connected(msgspec.Struct, frozen=True, tag_field="type", tag="Connected"):
    request_id: str
    sequence_id: int


class TurnInfo(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="TurnInfo"):
    """One turn as it is now. ``trigger`` says what ended it, ``languages`` which was detected; both
    are there at its end only."""

    request_id: str
    sequence_id: int
    event: Event
    turn_index: int
    audio_window_start: float
    audio_window_end: float
    transcript: str
    words: tuple[FluxWord, ...]
    end_of_turn_confidence: float
    trigger: Trigger | None = None
    languages: tuple[str, ...] | None = None


class Thresholds(msgspec.Struct, frozen=True, omit_defaults=True):
    eager_eot_threshold: float | None = None
    eot_threshold: float | None = None
    eot_timeout_ms: int | None = None


class FluxConfigureSuccess(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="ConfigureSuccess"
):
    """What holds from the next turn on."""

    request_id: str
    sequence_id: int
    thresholds: Thresholds
    keyterms: tuple[str, ...]
    language_hints: tuple[str, ...] | None = None


class FluxConfigureFailure(msgspec.Struct, frozen=True, tag_field="type", tag="ConfigureFailure"):
    request_id: str
    sequence_id: int
    code: str
    description: str


class FatalError(msgspec.Struct, frozen=True, tag_field="type", tag="Error"):
    """The stream cannot go on; the socket is closed behind it."""

    sequence_id: int
    code: str
    description: str


class ForceEndTurn(msgspec.Struct, frozen=True, tag_field="type", tag="ForceEndTurn"):
    """End the turn here."""


class FluxConfigure(msgspec.Struct, frozen=True, tag_field="type", tag="Configure"):
    """Other options from the next turn on; what is absent stays."""

    thresholds: Thresholds | None = None
    keyterms: tuple[str, ...] | None = None
    language_hints: tuple[str, ...] | None = None
    numerals: object = None


CLIENT_MESSAGES: Final = msgspec.json.Decoder(
    CloseStream | ForceEndTurn | FluxConfigure | KeepAlive
)

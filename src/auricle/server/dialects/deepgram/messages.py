"""What is said on Deepgram's live socket: the server's messages and the client's.

Knows nothing about when they are sent, or what becomes of them.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from auricle.server.dialects.deepgram.bodies import Alternative, ModelInfo, Search


class ResultMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    request_id: str
    model_info: ModelInfo
    model_uuid: str
    extra: dict[str, str] | None = None


class LiveChannel(msgspec.Struct, frozen=True, omit_defaults=True):
    alternatives: tuple[Alternative, ...]
    search: tuple[Search, ...] | None = None


class Results(msgspec.Struct, frozen=True, tag_field="type", tag="Results"):
    """Text of a span of the stream, in seconds. What is final never changes, and the spans of
    finals follow each other without gap."""

    channel_index: tuple[int, int]
    """Which channel, of how many."""
    duration: float
    start: float
    is_final: bool
    speech_final: bool
    """Nobody has spoken since for as long as ``endpointing`` says."""
    channel: LiveChannel
    metadata: ResultMetadata
    from_finalize: bool


class SpeechStarted(msgspec.Struct, frozen=True, tag_field="type", tag="SpeechStarted"):
    channel: tuple[int, int]
    timestamp: float


class UtteranceEnd(msgspec.Struct, frozen=True, tag_field="type", tag="UtteranceEnd"):
    """No word has followed the last one for as long as ``utterance_end_ms`` says."""

    channel: tuple[int, int]
    last_word_end: float


class StreamMetadata(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="Metadata"
):
    """The stream is over. Without audio, there are no channels and no models."""

    transaction_key: str
    request_id: str
    sha256: str
    created: str
    duration: float
    channels: int
    models: tuple[str, ...] | None = None
    model_info: dict[str, ModelInfo] | None = None


class SocketError(msgspec.Struct, frozen=True, tag_field="type", tag="Error"):
    """A message that was not understood; the stream goes on. ``message`` is what the client said,
    shortened."""

    description: str
    message: str
    variant: str = "SchemaError"


class ConfigureSuccess(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="ConfigureSuccess"
):
    request_id: str
    keyterms: tuple[str, ...] | None = None


class ConfigureFailure(msgspec.Struct, frozen=True, tag_field="type", tag="ConfigureFailure"):
    request_id: str
    code: str
    description: str


ServerMessage = (
    Results
    | SpeechStarted
    | UtteranceEnd
    | StreamMetadata
    | SocketError
    | ConfigureSuccess
    | ConfigureFailure
)


class KeepAlive(msgspec.Struct, frozen=True, tag_field="type", tag="KeepAlive"):
    """Nothing is said for a while; nothing answers it."""


class Finalize(msgspec.Struct, frozen=True, tag_field="type", tag="Finalize"):
    """Read what there is now; of one channel only, where it is named."""

    channel: int | None = None


class CloseStream(msgspec.Struct, frozen=True, tag_field="type", tag="CloseStream"):
    """There is no more audio."""


class Configure(msgspec.Struct, frozen=True, tag_field="type", tag="Configure"):
    """Other terms from now on; what else may be toggled changes nothing here."""

    keyterms: tuple[str, ...] | None = None
    features: dict[str, object] | None = None
    processors: dict[str, object] | None = None


CLIENT_MESSAGES: Final = msgspec.json.Decoder(KeepAlive | Finalize | CloseStream | Configure)

T = TypeVar("T")


def read(text: str, known: msgspec.json.Decoder[T]) -> T:
    """A client's message.

    Raises:
        ValueError: it is none that is known.
    """
    try:
        return known.decode(text)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise ValueError(f"{exc}") from exc

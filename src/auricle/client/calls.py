"""What is sent to each path and how its answer is read: all that both clients have in common.

Knows nothing about sending, waiting or threads: a call goes out, an answer comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal

import msgspec

from auricle.client import fields as form
from auricle.client.errors import ApiError, NotUnderstood, Unreachable, kind_of
from auricle.client.results import (
    Event,
    Health,
    Model,
    ModelList,
    Result,
    TextDelta,
    TextDone,
    TextSegment,
    Transcription,
    parsed,
)
from auricle.client.retry import retry_after_s
from auricle.client.sse import EventReader
from auricle.client.upload import Progress, Recording, Upload

Action = Literal["transcriptions", "translations"]

ACTIONS: Mapping[Literal["transcribe", "translate"], Action] = {
    "transcribe": "transcriptions",
    "translate": "translations",
}
"""The paths of the tasks."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that was read to its end; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """One request, and what its answer means."""

    method: str
    path: str
    read: Callable[[Answer], Result]
    upload: Upload | None = None
    accepted: tuple[int, ...] = (200,)

    @property
    def is_repeatable(self) -> bool:
        return self.upload is None or self.upload.is_repeatable

    @property
    def headers(self) -> dict[str, str]:
        return self.upload.headers if self.upload is not None else {}


@dataclass(frozen=True, slots=True)
class Asked:
    """One recording and how it is to be written down."""

    recording: Recording
    model: str
    response_format: str | None
    fields: form.Fields
    progress: Progress | None

    def upload(self, response_format: str, fields: form.Fields) -> Upload:
        return Upload(
            self.recording, form.written(self.model, response_format, fields), self.progress
        )


def whole(action: Action, asked: Asked) -> Call[Transcription | str]:
    """The recording at once."""
    chosen = form.chosen_format(asked.response_format, asked.fields)
    read = _text if chosen in form.TEXT_FORMATS else _transcription
    upload = asked.upload(chosen, asked.fields)
    return Call("POST", f"/v1/audio/{action}", read, upload)


def streamed(action: Action, asked: Asked) -> Call[None]:
    """The text while it is recognised; its answer is read by `Events`."""
    extra = {**asked.fields.get("extra", {}), "stream": True}
    fields: form.Fields = {**asked.fields, "extra": extra}
    upload = asked.upload(asked.response_format or "json", fields)
    return Call("POST", f"/v1/audio/{action}", lambda _: None, upload)


def models() -> Call[tuple[Model, ...]]:
    return Call("GET", "/v1/models", lambda answer: parsed(answer.content, ModelList).data)


def health() -> Call[Health]:
    return Call("GET", "/health", _health, accepted=(200, 503))


class Events:
    """The events of one stream. Kinds of event this client does not know are dropped."""

    _KINDS: Mapping[str, type[Event]] = {
        "transcript.text.delta": TextDelta,
        "transcript.text.segment": TextSegment,
        "transcript.text.done": TextDone,
    }

    def __init__(self, request_id: str | None) -> None:
        self._request_id = request_id
        self._reader = EventReader()
        self._is_done = False

    def feed(self, piece: bytes) -> list[Event]:
        """The events that ``piece`` of the body completes.

        Raises:
            ApiError: the server failed after the stream had begun.
        """
        read = (self._event(data) for data in self._reader.feed(piece) if data != b"[DONE]")
        return [event for event in read if event is not None]

    def check_done(self) -> None:
        """Raise `Unreachable` if the body ended before the transcription did."""
        if not self._is_done:
            raise Unreachable("the stream ended before the transcription was done")

    def _event(self, data: bytes) -> Event | None:
        head = parsed(data, _EventHead)
        if head.error is not None:
            raise _api_error(200, {"x-request-id": self._request_id or ""}, head.error)
        kind = self._KINDS.get(head.type)
        if kind is None:
            return None
        event = parsed(data, kind)
        self._is_done = isinstance(event, TextDone)
        return event


class _ErrorDetail(msgspec.Struct, frozen=True):
    message: str = ""
    param: str | None = None
    code: str | None = None


class _EventHead(msgspec.Struct, frozen=True):
    type: str = ""
    error: _ErrorDetail | None = None


class _ErrorBody(msgspec.Struct, frozen=True):
    error: _ErrorDetail | None = None


def error_of(answer: Answer) -> ApiError:
    """An answer with an error status as an exception, whoever sent it."""
    shown = answer.content[:200].decode(errors="replace").strip()
    detail = _detail(answer.content) or _ErrorDetail(shown or "the server gave no reason")
    return _api_error(answer.status, answer.headers, detail)


def _detail(content: bytes) -> _ErrorDetail | None:
    try:
        return msgspec.json.decode(content, type=_ErrorBody).error
    except msgspec.DecodeError:
        return None


def _api_error(status: int, headers: Mapping[str, str], detail: _ErrorDetail) -> ApiError:
    return kind_of(status)(
        detail.message,
        status=status,
        param=detail.param,
        code=detail.code,
        request_id=headers.get("x-request-id") or None,
        retry_after_s=retry_after_s(headers),
    )


def _transcription(answer: Answer) -> Transcription:
    """A server that keeps a long wait alive with blanks can only tell of a failure in the body."""
    detail = _detail(answer.content)
    if detail is not None:
        raise _api_error(answer.status, answer.headers, detail)
    transcription = parsed(answer.content, Transcription)
    request_id = answer.headers.get("x-request-id")
    return msgspec.structs.replace(transcription, request_id=request_id)


def _text(answer: Answer) -> str:
    return answer.content.decode(errors="replace")


def _health(answer: Answer) -> Health:
    """503 is an answer here, unless something other than Auricle gave it."""
    try:
        return parsed(answer.content, Health)
    except NotUnderstood:
        if answer.status == 200:
            raise
        raise error_of(answer) from None

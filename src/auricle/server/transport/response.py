"""A 200 answer that is written while its body comes to be, and begins early when that takes long.

Knows nothing about transcriptions: pieces of a body come, sooner or later.

Node's HTTP client gives up after 300 s without headers, or without another byte of the body, and
OpenAI's client then sends the whole upload twice more. So after a while the headers are sent, and
from then on what readers of the format skip: spaces before JSON, blank lines before the first cue
of subtitles, comments between events. Plain text has nothing of the kind: only its headers come
early.

Why it is so: docs/decisions.md, HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.types import Scope, Send

from auricle.errors import AuricleError
from auricle.server import errors
from auricle.server.transport import context

KEEP_ALIVE_S: Final = 15.0
"""How often a begun answer gets what its readers skip; proxies commonly give up after 60 s without
a byte. Events begin after as long."""

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class BodyFormat:
    """A kind of body: ``head`` is what each begins with, ``filler`` may follow it any number of
    times. ``error`` writes an error as the rest of a body; without it a body that has begun is cut
    off, because an orderly end would look like the end of the text."""

    media_type: str
    head: bytes = b""
    filler: bytes = b""
    error: Callable[[AuricleError], bytes] | None = None


def framed(body: msgspec.Struct) -> bytes:
    """A server-sent event, under the name of its ``type``: OpenAI's clients 4.x, SubtitleEdit and
    others drop what has no name. A body without a type is an error."""
    name = body.__struct_config__.tag or "error"
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode(body) + b"\n\n"


EVENTS: Final = BodyFormat(
    "text/event-stream; charset=utf-8",
    filler=b": keep-alive\n\n",
    error=lambda exc: framed(errors.body_of(exc)),
)

_BODIES: Final = {
    "vtt": BodyFormat("", b"WEBVTT\n\n", b"\n"),
    "srt": BodyFormat("", filler=b"\n"),
}
"""By the name of their format; of others only the headers come early."""


def json_format(error: Callable[[AuricleError], bytes], media_type: str = JSON) -> BodyFormat:
    """A JSON document, or what ``error`` writes in its place."""
    return BodyFormat(media_type, filler=b" ", error=error)


def body_format(name: str, media_type: str) -> BodyFormat:
    """The format of a whole body, by its name and what it is sent as."""
    if media_type.startswith(JSON):
        return json_format(lambda exc: msgspec.json.encode(errors.body_of(exc)), media_type)
    known = _BODIES.get(name, BodyFormat(""))
    return BodyFormat(media_type, known.head, known.filler)


End = Callable[[], Awaitable[None]]
"""Sends the rest of an answer. What makes one returns it, so that the last byte is sent when what
the request took has been given back."""


class ResponseWriter:
    """One answer. It begins with the first piece that is written, or after ``begin_after_s`` (0:
    not before there is a piece); until then a failure can still be an ordinary error answer."""

    def __init__(self, scope: Scope, send: Send, body: BodyFormat, begin_after_s: float) -> None:
        self._context = context.of(scope)
        self._send = send
        self._body = body
        self._begin_after_s = begin_after_s
        self._lock = asyncio.Lock()
        self._head = body.head
        """What has not been sent of it."""
        self.headers: list[tuple[bytes, bytes]] = []
        """More of them; those that are added before the answer begins are sent."""

    @contextlib.asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[None]:
        """Begin the answer when it is time, and keep it from falling silent, while the context
        lasts."""
        pulse = asyncio.create_task(self._pulse(), name="response keep-alive")
        try:
            yield
        finally:
            pulse.cancel()
            await asyncio.gather(pulse, return_exceptions=True)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body, after its head."""
        async with self._lock:
            if not self._context.has_begun:
                await self._begin()
            await self._send(
                {"type": "http.response.body", "body": self._head + data, "more_body": True}
            )
            self._head = b""

    async def end(self, data: bytes = b"") -> None:
        """Send the rest of the body, or the whole if nothing was sent, with the head of its
        format."""
        async with self._lock:
            if not self._context.has_begun:
                await self._begin(len(data))
            elif not self._head:
                data = data.removeprefix(self._body.head)
            await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def _begin(self, n_bytes: int | None = None) -> None:
        headers = [(b"content-type", self._body.media_type.encode("latin-1")), *self.headers]
        if n_bytes is None:  # a proxy such as nginx is asked to pass each piece on at once
            headers += [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
        else:
            headers.append((b"content-length", str(n_bytes).encode()))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        if n_bytes is None and self._body.error is not None:
            self._context.answer_late = self._fail

    async def _fail(self, exc: AuricleError) -> None:
        assert self._body.error is not None
        await self.end(self._body.error(exc))

    async def _pulse(self) -> None:
        if not self._begin_after_s:
            return
        await asyncio.sleep(self._begin_after_s)
        while True:
            await self.write(self._body.filler)
            await asyncio.sleep(KEEP_ALIVE_S)

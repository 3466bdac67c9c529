"""Server-sent events: the text of a transcription while it grows.

Knows nothing about where segments come from, or how a request asked for them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from auricle.output.formats import SpokenLanguage, TokenLogprob, Usage, logprobs, spoken
from auricle.types import Segment, Token

KEEP_ALIVE_S: Final = 15.0
"""How often a silent stream sends a comment. Node gives up after 300 s without a byte, and proxies
commonly after 60 s."""

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
"""The last one asks a proxy such as nginx to pass each event on at once."""


DONE: Final = b"data: [DONE]\n\n"
"""What OpenAI's streams end with; its clients also stop at the end of the response."""


class TextDelta(msgspec.Struct, frozen=True, tag_field="type", tag="transcript.text.delta"):
    """Text to append to what came before; it is never taken back. ``logprobs`` are those of its
    tokens, only with ``include[]=logprobs``."""

    delta: str
    logprobs: tuple[TokenLogprob, ...] | msgspec.UnsetType = msgspec.UNSET


class TextDone(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.done"
):
    """The end of a stream: ``text`` is exactly the deltas joined, and so are the ``logprobs``.
    ``languages`` are there where ``json`` has them."""

    text: str
    logprobs: tuple[TokenLogprob, ...] | msgspec.UnsetType = msgspec.UNSET
    languages: tuple[SpokenLanguage, ...] | msgspec.UnsetType = msgspec.UNSET
    usage: Usage


def framed(body: msgspec.Struct) -> bytes:
    """One event, under the name of its ``type``: OpenAI's clients 4.x, SubtitleEdit and others drop
    what has no name. A body without a type is an error."""
    name = body.__struct_config__.tag or "error"
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode(body) + b"\n\n"


class EventStream:
    """One response of events. Its status line goes out with the first event or comment, so until
    ``is_started`` a failure can still be an ordinary error answer."""

    def __init__(self, send: Send, *, sends_done: bool = True) -> None:
        self.is_started = False
        self._sends_done = sends_done
        self._send = send
        self._lock = asyncio.Lock()

    async def event(self, body: msgspec.Struct) -> None:
        await self._write(framed(body))

    async def done(self) -> None:
        """The marker after the last event, where one is wanted."""
        if self._sends_done:
            await self._write(DONE)

    async def end(self, _: Scope, __: Receive, send: Send) -> None:
        """The end of the response, as an ASGI application like any other."""
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    @contextlib.asynccontextmanager
    async def kept_alive(self, interval_s: float = KEEP_ALIVE_S) -> AsyncIterator[None]:
        """Send a comment every ``interval_s`` while the context lasts."""
        pulse = asyncio.create_task(self._pulse(interval_s), name="event stream keep-alive")
        try:
            yield
        finally:
            pulse.cancel()
            await asyncio.gather(pulse, return_exceptions=True)

    async def _pulse(self, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            await self._write(b": keep-alive\n\n")

    async def _write(self, data: bytes) -> None:
        async with self._lock:
            if not self.is_started:
                self.is_started = True
                await self._send(
                    {"type": "http.response.start", "status": 200, "headers": HEADERS.copy()}
                )
            await self._send({"type": "http.response.body", "body": data, "more_body": True})


class GrowingText:
    """Segment texts joined as they come. What was given out is never revised, and all of it
    together is the stripped transcript: white space waits until something follows it. Tokens wait
    with the text they belong to, and none is lost."""

    def __init__(self, *, has_logprobs: bool = False, has_languages: bool = False) -> None:
        self._has_logprobs = has_logprobs
        self._has_languages = has_languages
        self._heard: dict[str | None, Segment] = {}
        self._sent: list[str] = []
        self._held = ""
        self._tokens: list[Token] = []
        self._n_sent = 0

    def append(self, segment: Segment) -> TextDelta | None:
        """The part of the text so far that can be sent now, if any."""
        self._tokens += segment.logprobs or ()
        self._heard.setdefault(segment.language, segment)
        waiting = self._held + segment.text
        if not self._sent:
            waiting = waiting.lstrip()
        delta = waiting.rstrip()
        self._held = waiting[len(delta) :]
        if not delta:
            return None
        self._sent.append(delta)
        tokens = self._tokens[self._n_sent :]
        self._n_sent = len(self._tokens)
        return TextDelta(delta, self._told(tokens))

    def done(self, usage: Usage) -> TextDone:
        """The event that ends the stream."""
        return TextDone(
            text="".join(self._sent),
            logprobs=self._told(self._tokens),
            languages=spoken(self._heard.values()) if self._has_languages else msgspec.UNSET,
            usage=usage,
        )

    def _told(self, tokens: list[Token]) -> tuple[TokenLogprob, ...] | msgspec.UnsetType:
        return logprobs(tokens) if self._has_logprobs else msgspec.UNSET

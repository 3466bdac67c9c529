"""A plain answer that begins before it is known, when it takes long.

Knows nothing about transcriptions: something becomes the body of an answer, sooner or later.

Node's HTTP client gives up after 300 s without headers, or without another byte of the body, and
OpenAI's client then sends the whole upload twice more. So after a while the answer's headers are
sent, and from then on what its format does not read: spaces before JSON, blank lines before the
first cue of subtitles. Plain text has nothing of the kind: only its headers come early.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle.errors import AuricleError
from auricle.server import errors
from auricle.server.transport.requests import request_id

PADDING_S: Final = 15.0
"""How often a begun answer is padded; proxies commonly give up after 60 s without a byte."""

JSON = "application/json"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Padding:
    """What may come first: ``head`` once, which every body of the format begins with, then
    ``filler`` any number of times."""

    head: bytes = b""
    filler: bytes = b""


PADDINGS = {
    "json": Padding(filler=b" "),
    "verbose_json": Padding(filler=b" "),
    "vtt": Padding(b"WEBVTT\n\n", b"\n"),
    "srt": Padding(filler=b"\n"),
}
"""By format; of others only the headers come early."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How an answer is sent: after how long it begins in any case (0: only when it is there)."""

    media_type: str
    padding: Padding
    after_s: float


class EarlyAnswer:
    """One answer. Until ``is_started`` a failure can still be an ordinary error answer; later it
    is the error's envelope in a 200 where JSON was asked for. Elsewhere the connection is cut:
    an orderly end would look like the end of the text."""

    def __init__(self, scope: Scope, send: Send, plan: Plan) -> None:
        self.is_started = False
        self._log_id = request_id(scope)
        self._send = send
        self._plan = plan

    async def of(self, body: Coroutine[Any, Any, bytes]) -> ASGIApp:
        """Wait for the body; what is left to send of it. Raises what making it raises, while
        nothing has been sent."""
        pulse = asyncio.create_task(self._pulse(), name="early answer")
        try:
            content = await body
        except AuricleError as exc:
            if not self.is_started:
                raise
            return self._failed(exc)
        except Exception:
            if not self.is_started:
                raise
            logger.exception("answering (%s)", self._log_id)
            return self._failed(errors.unexpected(self._log_id))
        finally:
            pulse.cancel()
            await asyncio.gather(pulse, return_exceptions=True)
        if self.is_started:
            return _Rest(content.removeprefix(self._plan.padding.head))
        return Response(content, media_type=self._plan.media_type)

    async def _pulse(self) -> None:
        if not self._plan.after_s:
            return
        await asyncio.sleep(self._plan.after_s)
        self.is_started = True
        content_type = self._plan.media_type.encode("latin-1")
        headers = [(b"content-type", content_type), (b"x-accel-buffering", b"no")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._write(self._plan.padding.head)
        while True:
            await self._write(self._plan.padding.filler)
            await asyncio.sleep(PADDING_S)

    async def _write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def _failed(self, exc: AuricleError) -> ASGIApp:
        if self._plan.media_type.startswith(JSON):
            return _Rest(msgspec.json.encode(errors.body_of(exc)))
        logger.warning("cut off a begun answer: %s (%s)", exc, self._log_id)
        return _cut


class _Rest:
    """The last piece of a begun answer, as an ASGI application like any other."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.body", "body": self._content, "more_body": False})


async def _cut(_: Scope, __: Receive, ___: Send) -> None:
    """Returns without an end: the HTTP server then closes the connection."""

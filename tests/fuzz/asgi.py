"""The whole application on a runtime without a model, asked without a network.

Knows nothing about what is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.types import Message

from auricle.server.app import create_app
from tests.fuzz.faults import Bugs, Fault, check_status, check_text
from tests.server.conftest import settings
from tests.server.fakes import FakeRuntime

Header = tuple[bytes, bytes]
HOST: Header = (b"host", b"localhost")


@dataclass(frozen=True)
class Asked:
    """One request as it would come from the wire."""

    method: str
    path: str
    query: bytes = b""
    headers: tuple[Header, ...] = ()
    pieces: tuple[bytes, ...] = (b"",)

    def echo(self) -> str:
        """All that an answer may repeat."""
        sent = b" ".join((self.path.encode("utf-8", "replace"), self.query, *self.pieces))
        return sent.decode("latin-1") + str(self.headers)


class Application:
    """`ask` it, or `converse` over a websocket."""

    def __init__(self, app: Starlette, runtime: FakeRuntime, bugs: Bugs) -> None:
        self.app = app
        self.runtime = runtime
        self._bugs = bugs

    async def ask(self, asked: Asked) -> str:
        """The status. Raises `Fault` if the answer is not one, or shows what it should not."""
        waiting = list(asked.pieces)
        sent: list[Message] = []

        async def receive() -> Message:
            if waiting:
                return {
                    "type": "http.request",
                    "body": waiting.pop(0),
                    "more_body": bool(waiting),
                }
            await asyncio.Event().wait()  # the client stays
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        scope = _scope(asked.path, asked.query, asked.headers)
        await self.app(scope | {"type": "http", "method": asked.method}, receive, send)
        return self._checked(asked, sent)

    def _checked(self, asked: Asked, sent: Sequence[Message]) -> str:
        self.runtime.asked.clear()
        self.runtime.changes.clear()
        self._bugs.check()
        if not sent or sent[-1].get("more_body", False):
            raise Fault("no whole answer")
        status = int(sent[0]["status"])
        body = b"".join(each.get("body", b"") for each in sent[1:])
        check_status(status, body)
        if status >= 400:
            text = body.decode()
            check_text(text, asked.echo())
            if status != 416:  # which has no body
                _check_error(text)
        return str(status)

    async def converse(
        self, path: str, query: bytes, frames: Iterable[str | bytes], subprotocols: Sequence[str]
    ) -> str:
        """Open a websocket, say all ``frames``, and leave; how it ended."""
        waiting: list[Message] = [{"type": "websocket.connect"}]
        frames = list(frames)
        waiting += [
            {"type": "websocket.receive", "text": each}
            if isinstance(each, str)
            else {"type": "websocket.receive", "bytes": each}
            for each in frames
        ]
        waiting.append({"type": "websocket.disconnect", "code": 1000})
        sent: list[Message] = []

        async def receive() -> Message:
            await asyncio.sleep(0)
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        scope = _scope(path, query, ()) | {
            "type": "websocket",
            "scheme": "ws",
            "subprotocols": list(subprotocols),
            "extensions": {"websocket.http.response": {}},
        }
        await self.app(scope, receive, send)
        self.runtime.lives.clear()
        self._bugs.check()
        echo = query.decode("latin-1") + " ".join(map(str, frames))
        return _checked_socket(sent, echo)


def _scope(path: str, query: bytes, headers: Sequence[Header]) -> dict[str, Any]:
    return {
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "root_path": "",
        "query_string": query,
        "headers": [HOST, *((name.lower(), value) for name, value in headers)],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 50_060),
        "extensions": {},
    }


def _check_error(text: str) -> None:
    try:
        found = json.loads(text)
    except ValueError as exc:
        raise Fault(f"an error that is no JSON: {text[:200]!r}") from exc
    if not isinstance(found, dict):
        raise Fault(f"an error that is no object: {text[:200]!r}")


def _checked_socket(sent: Sequence[Message], echo: str) -> str:
    if not sent:
        raise Fault("a websocket without any answer")
    said = [each.get("text") or "" for each in sent if each["type"] == "websocket.send"]
    for text in said:
        check_text(text, echo)
        json.loads(text)
    last = sent[-1]
    if last["type"] == "websocket.http.response.body":
        status = int(sent[0]["status"])
        check_status(status, last["body"])
        check_text(last["body"].decode(), echo)
        return str(status)
    if last["type"] == "websocket.close":
        check_text(last.get("reason") or "", echo)
        if last["code"] in (1011, 1006):
            raise Fault(f"closed with {last['code']}: {last.get('reason')}")
        return f"closed {last['code']}"
    return "left"


@contextlib.asynccontextmanager
async def application(**changes: object) -> AsyncIterator[Application]:
    """The application, started, with jobs in a folder of its own; temporary files go there, too."""
    with tempfile.TemporaryDirectory() as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        (Path(folder) / "in").mkdir()
        given: dict[str, object] = {
            "max_jobs": 40,
            "data_dir": Path(folder) / "jobs",
            "job_folder": Path(folder) / "in",
            "job_url_hosts": ("example.org",),
            "webhook_hosts": ("example.org",),
            **changes,
        }
        runtime = FakeRuntime(settings(**given))
        app, bugs = create_app(runtime), Bugs()
        try:
            with bugs.collected():
                async with app.router.lifespan_context(app):
                    await runtime.started.wait()
                    yield Application(app, runtime, bugs)
        finally:
            tempfile.tempdir = before
            left = [each for each in os.listdir(folder) if each.endswith(".upload")]
        if left:
            raise Fault(f"uploads were left: {len(left)}")

"""Sockets of Deepgram's paths on a server without a model and their clients; scripts of effects."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from auricle.live.effects import Effect
from auricle.server.dialects.deepgram.live import FLUX, LISTEN, LiveEndpoint
from auricle.server.dialects.deepgram.socket_session import EffectTranslator
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

Step = Effect | float | str
"""What becomes of a stream, how much audio was received, or a method and when it is called."""

RAW = "encoding=linear16&sample_rate=16000"


def samples(seconds: float, value: int = 1000) -> bytes:
    return np.full(round(seconds * 16_000), value, "<i2").tobytes()


@dataclass(frozen=True)
class Listening:
    served: Served
    runtime: FakeRuntime

    def open(self, query: str = RAW, path: str = "/v1/listen", **options: object) -> connect:
        url = self.served.url.replace("http://", "ws://")
        given: dict[str, object] = {"proxy": None, "compression": None, **options}
        return connect(f"{url}{path}?{query}", **given)  # type: ignore[arg-type]  # a table


@contextlib.asynccontextmanager
async def listening(no_data_s: float = 60.0, **changes: object) -> AsyncIterator[Listening]:
    runtime = FakeRuntime(settings(**changes))
    routes = [
        WebSocketRoute("/v1/listen", LiveEndpoint(runtime, LISTEN, no_data_s)),
        WebSocketRoute("/v2/listen", LiveEndpoint(runtime, FLUX, no_data_s)),
    ]
    async with serving(runtime, routes) as served:
        await runtime.started.wait()
        yield Listening(served, runtime)


async def rest(client: ClientConnection) -> list[dict[str, Any]]:
    """All that the server says until it closes."""
    found: list[dict[str, Any]] = []
    with contextlib.suppress(ConnectionClosed):
        async for message in client:
            assert isinstance(message, str)
            found.append(json.loads(message))
    return found


def closed(client: ClientConnection) -> tuple[int | None, str | None]:
    return client.close_code, client.close_reason


async def refusal(
    live: Listening, query: str = RAW, path: str = "/v1/listen", **options: object
) -> tuple[int, str, str]:
    """How a socket is refused before it is open: the status, and the code and text of its error."""
    with pytest.raises(InvalidStatus) as caught:
        async with live.open(query, path, **options):
            pass
    response = caught.value.response
    body = json.loads(response.body or b"")
    assert response.headers["dg-request-id"] == body["request_id"]
    assert response.headers["dg-error"] == body["err_msg"][:500]
    return response.status_code, body["err_code"], body["err_msg"]


def played(translator: EffectTranslator, steps: Iterable[Step]) -> list[Any]:
    """All that a client is told in the course of a script."""
    messages: list[Any] = []
    for step in steps:
        if isinstance(step, str):
            name, at_s = step.split()
            getattr(translator, name)(float(at_s))
        elif isinstance(step, float):
            messages += translator.received(step)
        else:
            messages += translator.take(step)
    return messages

"""Where Wyoming's clients connect, beside the HTTP server and within the same limits.

Knows nothing about what they ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import uuid
from collections.abc import AsyncIterator, Sequence

from auricle.errors import AuricleError, BadSetting
from auricle.server.access.keys import client_at
from auricle.server.transport import listeners
from auricle.server.transport.in_flight import InFlight
from auricle.server.wyoming.connection import Connection
from auricle.server.wyoming.wire import MAX_LINE_BYTES, event_bytes
from auricle.settings.config import Settings
from auricle.speech_runtime import SpeechRuntime
from auricle.telemetry import request_id

logger = logging.getLogger(__name__)


def sockets(settings: Settings) -> list[socket.socket]:
    """Listening sockets, none where the setting says so.

    Raises:
        BadSetting: the port cannot be listened on, or others than this machine would reach it,
            though the protocol knows no keys.
    """
    if not settings.wyoming_port:
        return []
    if not settings.insecure and not listeners.is_loopback(settings.host):
        raise BadSetting(
            f"Wyoming has no keys, so everybody who reaches {settings.host!r} could use port "
            f"{settings.wyoming_port} (wyoming_port); let them with --insecure"
        )
    return listeners.listeners(settings.host, settings.wyoming_port)


class WyomingListener:
    """Serves connections for as long as `listening` lasts."""

    def __init__(self, runtime: SpeechRuntime, in_flight: InFlight) -> None:
        self._runtime = runtime
        self._in_flight = in_flight
        self._serving: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def listening(self, opened: Sequence[socket.socket]) -> AsyncIterator[None]:
        """Take connections on these sockets; at the end whoever is still there is cut off."""
        servers = [
            await asyncio.start_server(self._take, sock=each, limit=MAX_LINE_BYTES)
            for each in opened
        ]
        with contextlib.ExitStack() as stopping:
            for server in servers:
                stopping.enter_context(self._in_flight.on_stop(server.close))
            try:
                yield
            finally:
                for server in servers:
                    server.close()
                for task in self._serving:
                    task.cancel()
                await asyncio.gather(*self._serving, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._serving.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        client = client_at(str(peer[0]) if peer else "")
        with request_id.bound(f"wyo_{uuid.uuid4().hex}"), contextlib.ExitStack() as held:
            try:
                held.enter_context(self._in_flight.socket(client, self._runtime.settings))
            except AuricleError as exc:
                logger.info("refused a connection: %s", exc)
                data = {"text": exc.message, "code": exc.code or exc.type}
                writer.write(event_bytes("error", data))
                writer.close()
                return
            await Connection(self._runtime, self._in_flight, reader, writer, client).serve()

"""Clients of live sockets that connect, send part of what they should and leave at random.

Knows nothing about the server but its address.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
from collections import Counter

from websockets.frames import Frame, Opcode

AUDIO = "model=whisper-1&encoding=linear16&sample_rate=16000"
PATHS = (
    "/v1/realtime?intent=transcription",
    f"/v1/listen?{AUDIO}&interim_results=true",
    f"/v2/listen?{AUDIO}",
    "/v1/listen?model=whisper-1",
)
PIECE_BYTES = 8000
MAX_PIECES = 5


class SocketClients:
    """Any number of clients that behave as ``rng`` says; ``outcomes`` counts how they ended."""

    def __init__(self, address: tuple[str, int], rng: random.Random, clip: bytes) -> None:
        self.outcomes: Counter[str] = Counter()
        self._address = address
        self._rng = rng
        self._clip = clip

    async def visit(self) -> None:
        """One client, from connecting to leaving."""
        try:
            async with asyncio.timeout(120):
                reader, writer = await asyncio.open_connection(*self._address)
                try:
                    self.outcomes[await self._behave(reader, writer)] += 1
                finally:
                    writer.transport.abort()
        except (OSError, EOFError) as exc:
            self.outcomes[type(exc).__name__] += 1

    async def _behave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        rng, path = self._rng, self._rng.choice(PATHS)
        writer.write(handshake(path))
        behaviour = rng.randrange(6)
        if behaviour == 0:
            return "left in the handshake"
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            return f"was refused with {head[9:12].decode()}"
        if behaviour == 1:
            return "left at once"
        if behaviour == 2:
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        for first in range(0, rng.randrange(MAX_PIECES) * PIECE_BYTES, PIECE_BYTES):
            writer.write(audio(path, self._clip[first : first + PIECE_BYTES]))
        if behaviour == 3:
            writer.write(frame(Opcode.TEXT, rng.randbytes(50).hex().encode()))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        if behaviour < 5:
            return "left with audio on its way"
        writer.write(frame(Opcode.CLOSE, (1000).to_bytes(2)))
        await reader.read()
        return "closed"


def handshake(path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def audio(path: str, pcm: bytes) -> bytes:
    """A message that brings some."""
    if "realtime" not in path:
        return frame(Opcode.BINARY, pcm)
    event = {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}
    return frame(Opcode.TEXT, json.dumps(event).encode())


def frame(opcode: Opcode, data: bytes) -> bytes:
    return Frame(opcode, data).serialize(mask=True)

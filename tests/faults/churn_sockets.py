"""Clients of live sockets that connect, send part of what they should and leave at random.

Knows nothing about the server but its address.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random

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


async def sockets(
    rng: random.Random, clip: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> str:
    """Opens a session, and says nothing, a part of a clip, or what nobody understands."""
    path = rng.choice(PATHS)
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
        writer.write(audio(path, clip[first : first + PIECE_BYTES]))
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

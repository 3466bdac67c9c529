"""Live text from a server that speaks Deepgram's ``/v1/listen``, as a `Speech`.

Knows nothing about what is measured.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from auricle.cli.listening.remote import OPEN_S
from auricle.cli.listening.remote_options import RemoteOptions
from auricle.cli.listening.speech import Caption, FinishedTurn, SpeechEvent
from auricle.errors import AuricleError
from auricle.types import SAMPLE_RATE, Pcm


def address(asked: RemoteOptions) -> str:
    """The address of the websocket, with what is asked for in its query."""
    query = {
        "model": asked.model,
        "encoding": "linear16",
        "sample_rate": SAMPLE_RATE,
        "interim_results": "true",
        "endpointing": round(asked.silence_s * 1000),
    }
    if asked.language:
        query["language"] = asked.language
    return f"{asked.socket.partition('/v1/realtime')[0]}/v1/listen?{urlencode(query)}"


class DeepgramSpeech:
    """A `Speech`; see `opened`. What is final is committed, what is not is tentative."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._turn = ""
        """What is final of the turn that is not over."""
        self._start_s = 0.0

    async def send(self, pcm: Pcm) -> None:
        await self._tell((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())

    async def finish(self) -> None:
        await self._tell('{"type":"CloseStream"}')

    async def __aiter__(self) -> AsyncIterator[SpeechEvent]:
        try:
            async for message in self._socket:
                event: dict[str, Any] = msgspec.json.decode(message)
                if event.get("type") == "Results":
                    for heard in self._heard(event):
                        yield heard
        except ConnectionClosed as exc:
            raise AuricleError(f"the server closed the connection: {exc}") from exc
        if self._turn:
            yield FinishedTurn(self._start_s, self._start_s, self._turn)

    def _heard(self, results: dict[str, Any]) -> list[SpeechEvent]:
        text = results["channel"]["alternatives"][0]["transcript"].strip()
        if not results["is_final"]:
            return [Caption(self._turn, f" {text}")]
        self._turn = f"{self._turn} {text}".strip()
        heard: list[SpeechEvent] = [Caption(self._turn)]
        if results["speech_final"] and self._turn:
            end_s = results["start"] + results["duration"]
            heard.append(FinishedTurn(self._start_s, end_s, self._turn))
            self._turn, self._start_s = "", end_s
        return heard

    async def _tell(self, message: str | bytes) -> None:
        try:
            await self._socket.send(message)
        except ConnectionClosed as exc:
            raise AuricleError(f"the server closed the connection: {exc}") from exc


@asynccontextmanager
async def opened(asked: RemoteOptions) -> AsyncIterator[DeepgramSpeech]:
    """A stream, until the context is left. Raises `AuricleError` when the server refuses."""
    headers = {"Authorization": f"Token {asked.key}"} if asked.key else {}
    try:
        socket = await connect(address(asked), additional_headers=headers, open_timeout=OPEN_S)
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as exc:
        raise AuricleError(f"cannot connect to {address(asked)}: {exc}") from exc
    async with socket:
        yield DeepgramSpeech(socket)

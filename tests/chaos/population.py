"""Clients of every kind of behaviour, and what each must get: the same text as when it is alone,
or an error that says when to ask again.

Knows nothing about what happens to the server meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx2
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from auricle.types import Pcm
from tests.audio_files import wav
from tests.faults.churn import request
from tests.server.conftest import CLIENT_MAX_S, NO_TLS

PATH = "/v1/audio/transcriptions"
REALTIME = "/v1/realtime?intent=transcription"
RATE = 24_000
CHUNK_BYTES = RATE // 10 * 2
RETRIED = (429, 503)
FULL = 507
BLAMED = " 3 times"
"""In the message of who was there whenever a process was killed, three times in a row."""
GOING = (1012, 1013)
"""Close codes that ask to come again."""


class WrongAnswer(AssertionError):
    """A client got what it should not."""


class Busy(Exception):
    """A session ended because the server has no room for it just now, and says so."""


Behaviour = Callable[["Clip"], Awaitable[str]]


class Clip:
    """A recording, and what was heard in it when nobody else was there."""

    def __init__(self, pcm: Pcm) -> None:
        self.file = wav(pcm)
        at = np.arange(round(len(pcm) * RATE / 16_000)) * 16_000 / RATE
        resampled = np.interp(at, np.arange(len(pcm)), pcm)
        self.live = (resampled * 32767).astype("<i2").tobytes()
        self.text = ""
        self.live_text = ""


class Population:
    """Clients of the server at ``url``. ``outcomes`` counts how their visits ended."""

    def __init__(self, url: str, clips: Sequence[Clip], fields: dict[str, str]) -> None:
        self.outcomes: Counter[str] = Counter()
        self._rng = random.Random(1)
        self._url = url
        self._clips = clips
        self._fields = {"model": "whisper-1", **fields}
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        self._http = httpx2.AsyncClient(
            base_url=url, verify=NO_TLS, timeout=CLIENT_MAX_S, limits=limits
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def listen_alone(self, *, live: bool = True) -> None:
        """Find out what is right."""
        for clip in self._clips:
            answer = await self._http.post(PATH, files={"file": clip.file}, data=self._fields)
            clip.text = answer.json()["text"]
            if live:
                clip.live_text = await self._said(clip)

    async def visits(
        self, rng: random.Random, behaviours: Sequence[Behaviour], n: int, at_a_time: int
    ) -> None:
        """So many visits, each as ``rng`` says."""
        turns = asyncio.Semaphore(at_a_time)

        async def one() -> None:
            async with turns:
                behave, clip = rng.choice(behaviours), rng.choice(self._clips)
                self.outcomes[f"{behave.__name__}: {await behave(clip)}"] += 1

        async with asyncio.TaskGroup() as visiting:
            for _ in range(n):
                visiting.create_task(one())

    # Behaviours

    async def plain(self, clip: Clip) -> str:
        answer = await self._http.post(PATH, files={"file": clip.file}, data=self._fields)
        if answer.status_code != 200:
            return _refused(answer)
        return _same(answer.json()["text"], clip.text)

    async def streamed(self, clip: Clip) -> str:
        data = {**self._fields, "stream": "true"}
        files = {"file": clip.file}
        async with self._http.stream("POST", PATH, files=files, data=data) as answer:
            if answer.status_code != 200:
                await answer.aread()
                return _refused(answer)
            last: dict[str, Any] = {}
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    last = json.loads(line.removeprefix("data: "))
        if last.get("type") != "transcript.text.done":
            raise WrongAnswer(f"a stream that ends with {last}")
        return _same(last["text"], clip.text)

    async def detailed(self, clip: Clip) -> str:
        """With all that can be said of a text."""
        fields = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
        data = {**self._fields, **self._rng.choice((fields, {"include[]": "logprobs"}))}
        answer = await self._http.post(PATH, files={"file": clip.file}, data=data)
        if answer.status_code != 200:
            return _refused(answer)
        return _same(answer.json()["text"], clip.text)

    async def diarized(self, clip: Clip) -> str:
        data = {**self._fields, "response_format": "diarized_json"}
        answer = await self._http.post(PATH, files={"file": clip.file}, data=data)
        if answer.status_code != 200:
            return _refused(answer)
        return _same(answer.json()["text"], clip.text)

    async def leaving(self, clip: Clip) -> str:
        """Sends a part, or all, and leaves."""
        rng = self._rng
        message = request(clip.file, stream=rng.random() < 0.5, key="sk-leaving")
        part = message[: rng.randint(0, len(message))]
        return await self._written_and_left(part)

    async def flooding(self, clip: Clip) -> str:
        """Asks many things at once on one connection, and reads nothing."""
        return await self._written_and_left(
            b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
        )

    async def live(self, clip: Clip) -> str:
        try:
            said = await self._said(clip)
        except Busy:
            return "refused busy"
        except InvalidStatus as exc:
            status = exc.response.status_code
            if status in RETRIED and "retry-after" in exc.response.headers:
                return f"refused {status}"
            raise WrongAnswer(f"a session was refused with {status}") from exc
        except ConnectionClosed as exc:
            if exc.rcvd is None:
                raise
            code = exc.rcvd.code
            if code in GOING:
                return f"closed {code}"
            raise WrongAnswer(f"a session was closed with {code}: {exc}") from exc
        return _same(said, clip.live_text)

    async def said_at_once(self, clip: Clip, chunk_bytes: int | None = None) -> str:
        """What is heard in one session, sent in one event or as few as that makes."""
        return await self._said(clip, chunk_bytes or len(clip.live))

    async def live_leaving(self, clip: Clip) -> str:
        """Sends a part of what is said, and leaves without a word."""
        with contextlib.suppress(InvalidStatus, ConnectionClosed):
            async with self._socket() as socket:
                for start in range(0, len(clip.live) // 2, CHUNK_BYTES):
                    await socket.send(_append(clip.live[start : start + CHUNK_BYTES]))
                socket.transport.abort()
        return "left"

    async def _written_and_left(self, data: bytes) -> str:
        host, port = self._url.removeprefix("http://").rsplit(":", 1)
        _, writer = await asyncio.open_connection(host, int(port))
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
        writer.transport.abort()
        return "left"

    def _socket(self) -> connect:
        url = self._url.replace("http", "ws") + REALTIME
        return connect(url, proxy=None, compression=None, open_timeout=CLIENT_MAX_S)

    async def _said(self, clip: Clip, chunk_bytes: int = CHUNK_BYTES) -> str:
        async with self._socket() as socket:
            await _configure(socket)
            for start in range(0, len(clip.live), chunk_bytes):
                await socket.send(_append(clip.live[start : start + chunk_bytes]))
            await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
            while True:
                event = json.loads(await socket.recv())
                match event["type"]:
                    case "conversation.item.input_audio_transcription.completed":
                        return str(event["transcript"])
                    case "error" if event["error"]["code"] == "server_busy":
                        raise Busy
                    case "error" | "conversation.item.input_audio_transcription.failed":
                        raise WrongAnswer(f"{event}")


async def _configure(socket: ClientConnection) -> None:
    """The client ends turns: when they end depends on nothing else then."""
    audio = {"input": {"turn_detection": None, "transcription": {"language": "en"}}}
    session = {"type": "transcription", "audio": audio}
    await socket.send(json.dumps({"type": "session.update", "session": session}))


def _append(audio: bytes) -> str:
    encoded = base64.b64encode(audio).decode()
    return json.dumps({"type": "input_audio_buffer.append", "audio": encoded})


def _same(text: str, alone: str) -> str:
    if text != alone:
        raise WrongAnswer(f"{text!r} instead of {alone!r}")
    return "same"


def _refused(answer: httpx2.Response) -> str:
    """An error is right if it is worth trying again, and says when; or if it says that the disk is
    full, which may last."""
    if answer.status_code == FULL:
        return f"refused {FULL}"
    if answer.status_code == 500 and BLAMED in answer.text:
        return "blamed"
    if answer.status_code in RETRIED and "retry-after" in answer.headers:
        return f"refused {answer.status_code}"
    raise WrongAnswer(f"{answer.status_code}: {answer.text[:300]}")

"""A plain client of the Realtime API, and live streams that say what a test tells them."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from auricle.live.effects import Effect, Final, TurnEnded, TurnStarted, Update
from auricle.types import Language
from tests.live.saying import words
from tests.server.conftest import Served
from tests.server.fakes import FakeLive, Told

QUERY = "intent=transcription"
TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Client:
    """One session. Ids in what it receives are the order in which they came: ``item_1``."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ids: dict[str, str] = {}

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def update(self, **given: Any) -> dict[str, Any]:
        """Change the session's ``audio.input``; the answer."""
        await self.send("session.update", session=session(**given))
        return await self.next()

    async def append(self, audio: bytes = b"\0\0" * 4800) -> None:
        await self.send("input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    async def next(self) -> dict[str, Any]:
        """The next event, without its own id."""
        raw = await self.socket.recv()
        assert isinstance(raw, str)
        event: dict[str, Any] = json.loads(raw)
        assert event.pop("event_id").startswith("event_")
        numbered: dict[str, Any] = self._numbered(event)
        return numbered

    async def several(self, n: int) -> list[dict[str, Any]]:
        return [await self.next() for _ in range(n)]

    async def closed(self) -> tuple[int, str, list[dict[str, Any]]]:
        """With what the server closes, and what it says until then."""
        events = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                events.append(await self.next())
        return self.socket.close_code or 0, self.socket.close_reason or "", events

    def _numbered(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._numbered(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._numbered(each) for each in value]
        if isinstance(value, str) and re.fullmatch("(item|sess)_[0-9a-f]{21}", value):
            kind = value.partition("_")[0]
            return self.ids.setdefault(value, f"{kind}_{len(self.ids) + 1}")
        return value


def session(**given: Any) -> dict[str, Any]:
    return {"type": "transcription", "audio": {"input": given}}


@contextlib.asynccontextmanager
async def connected(served: Served, query: str = QUERY, path: str = "/v1/realtime", **options: Any):
    """A session whose first event was taken."""
    given = {"proxy": None, "compression": None, **options}
    url = served.url.replace("http://", "ws://")
    async with connect(f"{url}{path}?{query}", **given) as socket:
        client = Client(socket)
        created = await client.next()
        assert created["type"] in ("session.created", "transcription_session.created", "error")
        client.first = created  # type: ignore[attr-defined]
        yield client


def turns(*said: str, language: str = "en"):
    """A stream that has a turn for every text: it starts with the first audio, grows by a word with
    each further piece of 0.1 s or more, and ends with a commit, which makes it final."""
    left = list(said)
    state: dict[str, Any] = {"turn": 0, "words": (), "n": 0, "start_s": 0.0, "n_samples": 0}

    def says(live: FakeLive, told: Told) -> Sequence[Effect]:
        turn = state["turn"]
        n_new, state["n_samples"] = len(live.pcm) - state["n_samples"], len(live.pcm)
        if told == "send" and n_new < 1600:  # the rest of what was resampled
            return []
        if told == "send" and not state["words"] and left:
            state.update(turn=turn + 1, words=words(left.pop(0)), n=0)
            return [TurnStarted(turn + 1, state["start_s"])]
        if told == "send" and state["n"] < len(state["words"]):
            n = state["n"] = state["n"] + 1
            return [Update(turn, state["words"][n - 1 : n], state["words"][n : n + 1])]
        if told in ("commit", "finish") and (state["words"] or told == "commit"):
            spoken, n, start_s = state["words"], state["n"], state["start_s"]
            turn = turn if spoken else turn + 1
            state.update(turn=turn, words=(), n=0, start_s=live.now_s)
            known = Language(language) if spoken else None
            rest = [Update(turn, spoken[n:], ())] if n < len(spoken) else []
            ended = TurnEnded(turn, start_s, live.now_s)
            return [ended, *rest, Final(turn, start_s, live.now_s, spoken, known)]
        return []

    return says


def committed(item: str, previous: str | None) -> list[dict[str, Any]]:
    """The three events that make an item."""
    shown: Mapping[str, Any] = {
        "id": item,
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    place = {"previous_item_id": previous}
    return [
        {"type": "input_audio_buffer.committed", "item_id": item, **place},
        {"type": "conversation.item.added", "item": shown, **place},
        {"type": "conversation.item.done", "item": shown, **place},
    ]


def delta(item: str, text: str, **more: Any) -> dict[str, Any]:
    place = {"item_id": item, "content_index": 0}
    return {"type": f"{TRANSCRIPTION}.delta", **place, "delta": text, **more}


def completed(item: str, text: str, seconds: int, *languages: str, **more: Any) -> dict[str, Any]:
    return {
        "type": f"{TRANSCRIPTION}.completed",
        "item_id": item,
        "content_index": 0,
        "transcript": text,
        "languages": [{"code": code} for code in languages],
        "usage": {"type": "duration", "seconds": seconds},
        **more,
    }


def error(message: str, code: str | None, param: str | None = None, **more: Any) -> dict[str, Any]:
    shown = {"type": "invalid_request_error", "event_id": None, **more}
    return {"type": "error", "error": {**shown, "message": message, "code": code, "param": param}}

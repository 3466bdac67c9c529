"""Text made by a server that speaks OpenAI's Realtime API, Auricle's or another.

Knows nothing about where the sound comes from. Servers of ours also tell what is tentative, and
when words are said; others are asked without.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import soxr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from auricle.cli.listening.remote_options import RemoteOptions
from auricle.cli.listening.speech import Caption, FinishedTurn, Note, SpeechEvent, spoken
from auricle.errors import AuricleError
from auricle.types import SAMPLE_RATE, Pcm, Word

RATE: Final = 24_000
"""Samples a second that every such server takes."""

_ITEM: Final = "conversation.item.input_audio_transcription"
_INCLUDE: Final = tuple(f"item.input_audio_transcription.{name}" for name in ("words", "tentative"))
_SPEAKERS: Final = "item.input_audio_transcription.segments"

OPEN_S: Final = 10.0


@dataclass(slots=True)
class _Item:
    text: str = ""
    words: list[Word] = field(default_factory=list)
    tentative: str = ""
    start_s: float = 0.0
    end_s: float | None = None
    """None until it is known."""


@dataclass(slots=True)
class _State:
    """What the server has told. ``is_ending``: a last commit was sent."""

    items: dict[str, _Item] = field(default_factory=dict)
    """Those that are not complete, in order."""
    is_ending: bool = False
    is_answered: bool = False
    """The last commit was."""


class RemoteSpeech:
    """A `Speech`; see `opened`."""

    def __init__(self, socket: ClientConnection, options: RemoteOptions) -> None:
        self._socket = socket
        self._options = options
        self._resample = soxr.ResampleStream(SAMPLE_RATE, RATE, 1, dtype="float32")
        self._state = _State()
        self._n_samples = 0

    async def configure(self) -> None:
        """Say what is wanted, and wait until that is understood. Servers that are not ours refuse
        what only ours know, and are asked for the rest; but not where speakers are wanted."""
        include = [*_INCLUDE, _SPEAKERS] if self._options.diarize else list(_INCLUDE)
        await self._update(include)
        async for event in self._events():
            if event["type"] == "session.updated":
                return
            if event["type"] == "error":
                error = event["error"]
                if not include or "include" not in (error.get("param") or ""):
                    raise _refused(error)
                if self._options.diarize:
                    raise AuricleError(f"the server cannot tell speakers: {error['message']}")
                include = []
                await self._update(include)

    async def _update(self, include: list[str]) -> None:
        transcription: dict[str, Any] = {"model": self._options.model}
        if self._options.language:
            transcription["language"] = self._options.language
        silence_ms = round(self._options.silence_s * 1000)
        session: dict[str, Any] = {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": RATE},
                    "transcription": transcription,
                    "turn_detection": {"type": "server_vad", "silence_duration_ms": silence_ms},
                }
            },
        }
        if include:
            session["include"] = include
        await self._send_event({"type": "session.update", "session": session})

    async def send(self, pcm: Pcm) -> None:
        self._n_samples += len(pcm)
        await self._append(self._resample.resample_chunk(pcm))

    async def finish(self) -> None:
        await self._append(self._resample.resample_chunk(np.zeros(0, np.float32), last=True))
        self._state.is_ending = True
        await self._send_event({"type": "input_audio_buffer.commit"})

    async def __aiter__(self) -> AsyncIterator[SpeechEvent]:
        async for event in self._events():
            for speech in self._speech_events(event):
                yield speech
            state = self._state
            if state.is_ending and state.is_answered and not state.items:
                return

    async def _events(self) -> AsyncIterator[dict[str, Any]]:
        """What the server says. Raises `AuricleError` when it says no more."""
        try:
            async for message in self._socket:
                yield msgspec.json.decode(message)
        except ConnectionClosed as exc:
            raise _closed(exc) from exc
        raise AuricleError("the server closed the connection before everything was transcribed")

    def _speech_events(self, event: dict[str, Any]) -> list[SpeechEvent]:
        kind: str = event["type"]
        if kind == "error":
            return self._failed(event["error"])
        if "item_id" not in event:
            return []
        item = self._state.items.setdefault(event["item_id"], _Item())
        match kind:
            case "input_audio_buffer.speech_started":
                item.start_s = event["audio_start_ms"] / 1000
            case "input_audio_buffer.speech_stopped":
                item.end_s = event["audio_end_ms"] / 1000
            case "input_audio_buffer.committed":
                self._committed(item)
            case str() if kind == f"{_ITEM}.tentative":
                item.tentative = event["text"]
                return [self._caption()]
            case str() if kind == f"{_ITEM}.delta":
                item.text, item.tentative = item.text + event["delta"], ""
                item.words += _words(event, event["delta"])
                return [self._caption()]
            case str() if kind == f"{_ITEM}.failed":
                del self._state.items[event["item_id"]]
                return [Note(event["error"]["message"])]
            case str() if kind == f"{_ITEM}.completed":
                del self._state.items[event["item_id"]]
                return [*_finished_turns(item, event, self._now_s), self._caption()]
        return []

    def _committed(self, item: _Item) -> None:
        self._state.is_answered = self._state.is_answered or self._state.is_ending
        if item.end_s is None:  # the client ended it, not silence
            item.end_s = self._now_s

    def _failed(self, error: dict[str, Any]) -> list[SpeechEvent]:
        if error.get("code") != "input_audio_buffer_commit_empty":
            raise _refused(error)
        self._state.is_answered = True
        return []

    def _caption(self) -> Caption:
        """What is on the way, of all items that are open."""
        items = self._state.items.values()
        return Caption(
            " ".join(_shown(item.text, item.words) for item in items if item.text),
            "".join(item.tentative for item in items),
        )

    @property
    def _now_s(self) -> float:
        return self._n_samples / SAMPLE_RATE

    async def _append(self, samples: Pcm) -> None:
        data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        audio = base64.b64encode(data).decode()
        await self._send_event({"type": "input_audio_buffer.append", "audio": audio})

    async def _send_event(self, event: dict[str, Any]) -> None:
        try:
            await self._socket.send(msgspec.json.encode(event).decode())
        except ConnectionClosed as exc:
            raise _closed(exc) from exc


def _finished_turns(item: _Item, event: dict[str, Any], now_s: float) -> list[FinishedTurn]:
    words = tuple(_words(event, event["transcript"]))
    text = _shown(event["transcript"], words).strip()
    languages = event.get("languages") or [{}]
    code = languages[0].get("code")
    end_s = now_s if item.end_s is None else item.end_s
    return [FinishedTurn(item.start_s, end_s, text, words, code)] if text else []


def _words(event: dict[str, Any], text: str) -> Iterator[Word]:
    """The event's words, each with what stands before it in its text."""
    at = 0
    for word in event.get("words") or ():
        found = text.find(word["word"], at)
        spaced = f" {word['word']}" if found < 0 else text[at : found + len(word["word"])]
        at = at if found < 0 else found + len(word["word"])
        times = word["start"], word["end"]
        yield Word(spaced, *times, word["probability"], speaker=word.get("speaker"))


def _shown(text: str, words: Sequence[Word]) -> str:
    """The text, with speakers where they are told."""
    return spoken(words).strip() if any(word.speaker for word in words) else text


@asynccontextmanager
async def opened(options: RemoteOptions) -> AsyncIterator[RemoteSpeech]:
    """A session, until the context is left.

    Raises:
        AuricleError: the server cannot be reached, or refuses.
    """
    headers = {"Authorization": f"Bearer {options.key}"} if options.key else {}
    try:
        connecting = connect(
            options.socket, additional_headers=headers, open_timeout=OPEN_S, max_size=16 * 2**20
        )
        socket = await connecting
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as exc:
        raise AuricleError(f"cannot connect to {options.socket}: {exc}") from exc
    async with socket:
        speech = RemoteSpeech(socket, options)
        await speech.configure()
        yield speech


def _refused(error: dict[str, Any]) -> AuricleError:
    return AuricleError(f"the server refuses: {error['message']}")


def _closed(exc: ConnectionClosed) -> AuricleError:
    return AuricleError(f"the server closed the connection: {exc}")

"""What Deepgram's live sockets have in common: audio goes to streams, and what becomes of it to the
client, until one of them ends it.

Knows nothing about what messages say; the sockets do.
"""

from __future__ import annotations

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import numpy as np

from auricle.errors import AuricleError, BadMedia
from auricle.live.effects import Effect, TurnFailed
from auricle.live.pcm import Channels
from auricle.live.stream import LiveStream
from auricle.server.dialects.deepgram.audio_input import AudioInput
from auricle.server.transport.socket import INTERNAL_ERROR, Closed, Socket, close_code

NO_DATA: Final = "NET-0001: no audio and no message came for too long"
FAILED: Final = "NET-0000"
NO_AUDIO: Final = "DATA-0000"


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What messages tell of their stream."""

    request_id: str
    model: str


class EffectTranslator(Protocol):
    """Says what a client is told of one stream."""

    def received(self, now_s: float) -> Sequence[msgspec.Struct]:
        """So much audio was received."""
        ...

    def take(self, effect: Effect) -> Sequence[msgspec.Struct]:
        """What follows from what became of the stream."""
        ...

    def close(self, at_s: float) -> None:
        """There is no more audio than so much."""
        ...


class _NoMoreAudio(Exception):
    """Nothing can be made of what the client sends any more."""

    def __init__(self, reason: AuricleError) -> None:
        super().__init__(reason.message)
        self.reason = reason


class SocketSession(ABC):
    """One socket and its streams, one for each channel. `run` it once."""

    def __init__(
        self,
        socket: Socket,
        audio_input: AudioInput,
        streams: Sequence[LiveStream],
        translators: Sequence[EffectTranslator],
    ) -> None:
        self.socket = socket
        self.streams = streams
        self.digest = hashlib.sha256()
        self._audio_input = audio_input
        self._translators = translators
        self._failed: AuricleError | None = None
        """Why there is no more audio, unless the client has ended it."""

    @abstractmethod
    async def handle(self, text: str) -> bool:
        """Do what a message asks; whether it ends the stream."""

    @abstractmethod
    def end(self) -> None:
        """Say the last words, once all of the text is told."""

    def fail(self, exc: AuricleError) -> None:
        """Close, because the stream cannot go on."""
        code = close_code(exc)
        reason = f"{FAILED}: {exc.message}" if code == INTERNAL_ERROR else exc.message
        if isinstance(exc, BadMedia):
            reason = f"{NO_AUDIO}: {exc.message}"
        self.socket.close(code, reason)

    async def run(self) -> None:
        """Follow the streams until the client ends them, or they cannot go on."""
        async with asyncio.TaskGroup() as tasks:
            telling = [
                tasks.create_task(self._translate(*each))
                for each in zip(self.streams, self._translators, strict=True)
            ]
            try:
                await self._take_all()
                if self._goes_on:
                    await self._finish()
            except Closed:
                pass
            except AuricleError as exc:
                self.fail(exc)
            if not self._goes_on:
                for task in telling:
                    task.cancel()
        if not self._goes_on:
            return
        if self._failed is not None:
            self.fail(self._failed)
        elif self.socket.ended == "idle":
            self.socket.close(INTERNAL_ERROR, NO_DATA)
        else:
            self.end()

    def say(self, message: msgspec.Struct) -> None:
        """Raises `Closed` when nothing can be said any more."""
        self.socket.send(msgspec.json.encode(message).decode())

    @property
    def _goes_on(self) -> bool:
        """Whether there is a client who wants the rest."""
        return self.socket.ended not in ("left", "slow", "closed")

    async def _take_all(self) -> None:
        """Take what the client sends, as long as anything can be made of it."""
        try:
            await self._listen()
            if self._goes_on:
                await self._take(self._audio_input.finish())
        except _NoMoreAudio as exc:
            self._failed = exc.reason

    async def _listen(self) -> None:
        """Take messages until there are no more."""
        async for message in self.socket:
            if isinstance(message, str):
                if await self.handle(message):
                    return
            elif message:
                self.digest.update(message)
                await self._take(self._audio_input.push(message))
            else:  # an older way to end a stream
                return

    async def _take(self, audio: AsyncIterator[Channels]) -> None:
        """Send on what the input makes. Raises `_NoMoreAudio` where that fails: what was heard
        before can still be told."""
        while True:
            try:
                samples = await anext(audio, None)
            except AuricleError as exc:
                raise _NoMoreAudio(exc) from exc
            if samples is None:
                return
            await self._send(samples)

    async def _send(self, samples: Channels) -> None:
        """Samples of each channel, to the stream that follows it."""
        if len(self.streams) < len(samples):
            samples = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        for stream, translator, pcm in zip(self.streams, self._translators, samples, strict=True):
            await stream.send(np.ascontiguousarray(pcm))
            for message in translator.received(stream.now_s):
                self.say(message)
        self.socket.check()

    async def _finish(self) -> None:
        """There is no more audio: have the rest of it read."""
        for stream, translator in zip(self.streams, self._translators, strict=True):
            translator.close(stream.now_s)
            await stream.finish()

    async def _translate(self, stream: LiveStream, translator: EffectTranslator) -> None:
        """Tell the client what becomes of a stream, until all of it is told."""
        try:
            async for effect in stream:
                for message in translator.take(effect):
                    self.say(message)
                if isinstance(effect, TurnFailed):
                    self.socket.close(INTERNAL_ERROR, f"{FAILED}: {effect.reason}")
                    return
        except Closed:
            return
        except AuricleError as exc:
            self.fail(exc)

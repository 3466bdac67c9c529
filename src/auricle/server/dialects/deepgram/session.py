"""One live stream of Deepgram's API, from its first message to its last.

Knows nothing about models or how results are made of effects.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from auricle.errors import AuricleError, InvalidRequest
from auricle.live.effects import TurnFailed
from auricle.live.pcm import PcmFormat, PcmReader
from auricle.live.stream import LiveStream
from auricle.server.dialects.deepgram import messages, parameters
from auricle.server.dialects.deepgram.bodies import created, model_info, model_uuid
from auricle.server.dialects.deepgram.messages import (
    CloseStream,
    Configure,
    ConfigureFailure,
    ConfigureSuccess,
    Finalize,
    KeepAlive,
    ResultMetadata,
    ServerMessage,
    SocketError,
    StreamMetadata,
)
from auricle.server.dialects.deepgram.results import LiveResults
from auricle.server.dialects.deepgram.sound import Sound, without_header
from auricle.server.dialects.deepgram.streamed import Streamed
from auricle.server.dialects.shared import time
from auricle.server.fields.form import shown
from auricle.server.transport.socket import (
    INTERNAL_ERROR,
    NORMAL,
    POLICY_VIOLATION,
    Closed,
    Socket,
    close_code,
)

PIECE_BYTES: Final = 32 * 1024
"""Audio that is taken at a time: what it takes to make samples of it holds up nobody."""

NO_DATA: Final = "NET-0001: no audio and no message came for too long"
FAILED: Final = "NET-0000"
NO_AUDIO: Final = "DATA-0000: what came is not audio of a known kind"


@dataclass(frozen=True, slots=True)
class Known:
    """What messages tell of their stream."""

    request_id: str
    model: str


@dataclass(frozen=True, slots=True)
class _Channel:
    stream: LiveStream
    results: LiveResults


class LiveListenSession:
    """`run` it once."""

    def __init__(
        self, socket: Socket, wanted: Streamed, streams: Sequence[LiveStream], known: Known
    ) -> None:
        self._socket = socket
        self._wanted = wanted
        self._known = known
        metadata = ResultMetadata(
            known.request_id,
            model_info(known.model),
            model_uuid(known.model),
            wanted.extra or None,
        )
        n = len(streams)
        self._channels = [
            _Channel(stream, LiveResults(wanted.results, metadata, (i, n)))
            for i, stream in enumerate(streams)
        ]
        self._digest = hashlib.sha256()
        self._audio: PcmReader | None = None
        self._options = wanted.options

    async def run(self) -> None:
        """Follow the stream until the client ends it, or it cannot go on."""
        async with asyncio.TaskGroup() as tasks:
            telling = [tasks.create_task(self._tell(each)) for each in self._channels]
            try:
                await self._listen()
                if self._goes_on:
                    await self._finish()
            except Closed:
                pass
            except AuricleError as exc:
                self._fail(exc)
            if not self._goes_on:
                for task in telling:
                    task.cancel()
        if self._goes_on:
            self._end()

    @property
    def _goes_on(self) -> bool:
        """Whether there is a client who wants the rest."""
        return self._socket.ended not in ("left", "slow", "closed")

    async def _listen(self) -> None:
        """Take messages until there are no more."""
        async for message in self._socket:
            if isinstance(message, str):
                if await self._obey(message):
                    return
            elif message:
                await self._hear(message)
            else:  # an older way to end a stream
                return

    async def _hear(self, data: bytes) -> None:
        self._digest.update(data)
        for start in range(0, len(data), PIECE_BYTES):
            await self._take(data[start : start + PIECE_BYTES])

    async def _take(self, piece: bytes) -> None:
        if self._wanted.sound is None:
            self._socket.close(POLICY_VIOLATION, NO_AUDIO)
            raise Closed
        if self._audio is None:
            self._audio = PcmReader(_format(self._wanted.sound))
            piece = without_header(piece)
        await self._send(self._audio.push(piece))

    async def _send(self, samples: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
        """Samples of each channel, to the stream that follows it."""
        if len(self._channels) < len(samples):
            samples = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        for each, pcm in zip(self._channels, samples, strict=True):
            await each.stream.send(np.ascontiguousarray(pcm))
            self._say_all(each.results.heard(each.stream.now_s))

    async def _obey(self, text: str) -> bool:
        """Do what a message asks; whether it ends the stream."""
        try:
            message = messages.read(text)
        except ValueError as exc:
            self._say(SocketError(f"The message was not understood: {exc}.", shown(text)))
            return False
        match message:
            case Finalize(channel):
                await self._finalize(channel, text)
            case Configure():
                self._configure(message)
            case KeepAlive():
                pass
            case CloseStream():
                return True
        return False

    async def _finalize(self, channel: int | None, text: str) -> None:
        if channel is None:
            chosen = self._channels
        elif 0 <= channel < len(self._channels):
            chosen = [self._channels[channel]]
        else:
            last = len(self._channels) - 1
            self._say(SocketError(f"There are channels 0 to {last}, not {channel}.", shown(text)))
            return
        for each in chosen:
            each.results.finalize()
            await each.stream.commit()

    def _configure(self, message: Configure) -> None:
        name = self._known.request_id
        if message.keyterms is not None:
            try:
                parameters.check_terms("keyterms", message.keyterms)
                options = replace(self._options, keywords=message.keyterms)
                for each in self._channels:
                    each.stream.configure(self._wanted.live, options)
            except InvalidRequest as exc:
                code = "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"
                self._say(ConfigureFailure(name, code, exc.message))
                return
            self._options = options
        self._say(ConfigureSuccess(name, message.keyterms))

    async def _finish(self) -> None:
        """There is no more audio: have the rest of it read."""
        if self._audio is not None:
            await self._send(self._audio.finish())
        for each in self._channels:
            each.results.close()
            await each.stream.finish()

    def _end(self) -> None:
        """The last words, once all of the text is told."""
        if self._socket.ended == "idle":
            self._socket.close(INTERNAL_ERROR, NO_DATA)
            return
        self._say(self._metadata())
        if self._socket.ended is None:
            self._socket.close(NORMAL)

    def _metadata(self) -> StreamMetadata:
        duration_s, model = self._channels[0].stream.now_s, self._known.model
        name = model_uuid(model)
        sound = self._wanted.sound
        has_audio = duration_s > 0
        return StreamMetadata(
            "deprecated",
            self._known.request_id,
            self._digest.hexdigest(),
            created(),
            time(duration_s),
            (sound.n_channels if sound else 1) if has_audio else 0,
            (name,) if has_audio else None,
            {name: model_info(model)} if has_audio else None,
        )

    async def _tell(self, channel: _Channel) -> None:
        """Tell the client what becomes of a channel, until all of it is told."""
        try:
            async for effect in channel.stream:
                self._say_all(channel.results.take(effect))
                if isinstance(effect, TurnFailed):
                    self._socket.close(INTERNAL_ERROR, f"{FAILED}: {effect.reason}")
                    return
        except Closed:
            return
        except AuricleError as exc:
            self._fail(exc)

    def _fail(self, exc: AuricleError) -> None:
        code = close_code(exc)
        reason = f"{FAILED}: {exc.message}" if code == INTERNAL_ERROR else exc.message
        self._socket.close(code, reason)

    def _say_all(self, said: Sequence[ServerMessage]) -> None:
        for message in said:
            self._say(message)

    def _say(self, message: ServerMessage) -> None:
        self._socket.send(msgspec.json.encode(message).decode())


def _format(sound: Sound) -> PcmFormat:
    return PcmFormat(sound.samples, sound.rate, sound.n_channels)

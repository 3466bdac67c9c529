"""``/v1/listen`` and ``/v2/listen`` as websockets: audio comes, and what is said of it goes to the
client.

Knows nothing about how audio becomes text, how a websocket is kept, or what is said on it.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from auricle.config import Settings
from auricle.live.options import LiveOptions
from auricle.live.stream import LiveStream
from auricle.server.dialects.deepgram.audio_input import AudioInput, RawInput, container_input
from auricle.server.dialects.deepgram.bodies import model_uuid
from auricle.server.dialects.deepgram.errors import request_id
from auricle.server.dialects.deepgram.flux_request import FluxRequest
from auricle.server.dialects.deepgram.flux_session import FluxSession
from auricle.server.dialects.deepgram.model import served_model
from auricle.server.dialects.deepgram.raw_format import RawFormat
from auricle.server.dialects.deepgram.session import ListenSession
from auricle.server.dialects.deepgram.socket_session import SocketSession, StreamInfo
from auricle.server.dialects.deepgram.stream_request import StreamRequest
from auricle.server.fields.audio_request import IgnoredFields, Pairs
from auricle.server.transport import context
from auricle.server.transport.socket import Socket, SocketOptions, accepted
from auricle.speech_runtime import SpeechRuntime
from auricle.types import DecodeOptions

NO_DATA_S: Final = 10.0
"""A socket that brings neither audio nor a message for so long is closed, as Deepgram does."""

_SUBPROTOCOLS: Final = ("token", "bearer")
"""What browsers put before a key; they want to hear it back."""


class _Request(Protocol):
    """What both kinds of sockets are asked for."""

    @property
    def model(self) -> str: ...
    @property
    def options(self) -> DecodeOptions: ...
    @property
    def live(self) -> LiveOptions: ...
    @property
    def n_streams(self) -> int: ...
    @property
    def raw_format(self) -> RawFormat | None: ...
    @property
    def ignored(self) -> tuple[str, ...]: ...


AnyRequest = TypeVar("AnyRequest", bound=_Request)


class _LiveEndpoint(ABC, Generic[AnyRequest]):
    """A path where streams are held."""

    def __init__(self, runtime: SpeechRuntime, no_data_s: float = NO_DATA_S) -> None:
        self._runtime = runtime
        self._no_data_s = no_data_s
        self._ignored = IgnoredFields()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        runtime, request = self._runtime, context.of(scope)
        pairs = QueryParams(scope["query_string"]).multi_items()
        wanted = self._read(pairs, runtime.settings)
        self._ignored.note(wanted.ignored)
        model = await served_model(runtime, wanted.model)
        info = StreamInfo(request_id(scope), (await runtime.status(model)).name)
        request.headers.update(
            {"dg-model-name": info.model, "dg-model-uuid": model_uuid(info.model)}
        )
        options = SocketOptions(
            subprotocol=subprotocol(scope.get("subprotocols", ())),
            idle_s=self._no_data_s,
            max_s=runtime.settings.max_live_s,
        )
        async with contextlib.AsyncExitStack() as stack:
            opened = [
                runtime.open_live(wanted.live, wanted.options, request.client, model)
                for _ in range(wanted.n_streams)
            ]
            streams = [await stack.enter_async_context(each) for each in opened]
            audio_input = await self._input(wanted.raw_format, stack)
            socket = await stack.enter_async_context(accepted(scope, receive, send, options))
            await self._follow(socket, audio_input, streams, wanted, info).run()
            request.audio_s = streams[0].now_s

    async def _input(
        self, raw_format: RawFormat | None, stack: contextlib.AsyncExitStack[bool | None]
    ) -> AudioInput:
        """What takes the audio, until the stack is left."""
        if raw_format is not None:
            return RawInput(raw_format)
        container = await stack.enter_async_context(self._runtime.open_container())
        return await stack.enter_async_context(container_input(container))

    @abstractmethod
    def _read(self, pairs: Pairs, settings: Settings) -> AnyRequest:
        """What the address asks for. Raises `InvalidRequest`."""

    @abstractmethod
    def _follow(
        self,
        socket: Socket,
        audio_input: AudioInput,
        streams: Sequence[LiveStream],
        wanted: AnyRequest,
        info: StreamInfo,
    ) -> SocketSession:
        """The session of a socket that is open."""


class LiveListen(_LiveEndpoint[StreamRequest]):
    """``GET /v1/listen``."""

    def _read(self, pairs: Pairs, settings: Settings) -> StreamRequest:
        return StreamRequest.read(pairs, settings)

    def _follow(
        self,
        socket: Socket,
        audio_input: AudioInput,
        streams: Sequence[LiveStream],
        wanted: StreamRequest,
        info: StreamInfo,
    ) -> SocketSession:
        return ListenSession(socket, audio_input, streams, wanted, info)


class FluxListen(_LiveEndpoint[FluxRequest]):
    """``GET /v2/listen``."""

    def _read(self, pairs: Pairs, settings: Settings) -> FluxRequest:
        return FluxRequest.read(pairs, settings)

    def _follow(
        self,
        socket: Socket,
        audio_input: AudioInput,
        streams: Sequence[LiveStream],
        wanted: FluxRequest,
        info: StreamInfo,
    ) -> SocketSession:
        return FluxSession(socket, audio_input, streams[0], wanted, info)


def subprotocol(offered: Sequence[str]) -> str | None:
    """The one to answer with, if any was offered that means something."""
    return next((each for each in offered if each.lower() in _SUBPROTOCOLS), None)

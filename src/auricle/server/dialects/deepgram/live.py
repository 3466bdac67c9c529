"""``/v1/listen`` and ``/v2/listen`` as websockets: audio comes, and what is said of it goes to the
client.

Knows nothing about how audio becomes text, how a websocket is kept, or what is said on it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from auricle.live.options import LiveOptions
from auricle.live.stream import LiveStream
from auricle.server.dialects.deepgram.audio_input import (
    AudioInput,
    PacketInput,
    RawInput,
    container_input,
)
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
from auricle.settings.config import Settings
from auricle.speech_runtime import SpeechRuntime
from auricle.types import DecodeOptions

NO_DATA_S: Final = 10.0
"""A socket that brings neither audio nor a message for so long is closed, as Deepgram does."""

_SUBPROTOCOLS: Final = ("token", "bearer")
"""What browsers put before a key; they want to hear it back."""


class AnyStreamRequest(Protocol):
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


AnyRequest = TypeVar("AnyRequest", bound=AnyStreamRequest)


@dataclass(frozen=True, slots=True)
class Kind(Generic[AnyRequest]):
    """What one path takes and holds."""

    read: Callable[[Pairs, Settings], AnyRequest]
    """What an address asks for. Raises `InvalidRequest`."""
    session: Callable[
        [Socket, AudioInput, Sequence[LiveStream], AnyRequest, StreamInfo], SocketSession
    ]
    """The session of a socket that is open."""


LISTEN: Final = Kind(StreamRequest.read, ListenSession)
"""``GET /v1/listen``."""

FLUX: Final = Kind(FluxRequest.read, FluxSession)
"""``GET /v2/listen``."""


class LiveEndpoint(Generic[AnyRequest]):
    """A path where streams are held, as `LISTEN` or `FLUX` are."""

    def __init__(
        self, runtime: SpeechRuntime, kind: Kind[AnyRequest], no_data_s: float = NO_DATA_S
    ) -> None:
        self._runtime = runtime
        self._kind = kind
        self._no_data_s = no_data_s
        self._ignored = IgnoredFields()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        runtime, request = self._runtime, context.of(scope)
        pairs = QueryParams(scope["query_string"]).multi_items()
        wanted = self._kind.read(pairs, runtime.settings)
        self._ignored.note(wanted.ignored)
        named, model = await served_model(runtime, wanted.model)
        info = StreamInfo(request_id(scope), model)
        request.headers.update({"dg-model-name": model, "dg-model-uuid": model_uuid(model)})
        options = SocketOptions(
            subprotocol=subprotocol(scope.get("subprotocols", ())),
            idle_s=self._no_data_s,
            max_s=runtime.settings.max_live_s,
        )
        async with contextlib.AsyncExitStack() as stack:
            opened = [
                runtime.open_live(wanted.live, wanted.options, request.client, named)
                for _ in range(wanted.n_streams)
            ]
            streams = [await stack.enter_async_context(each) for each in opened]
            audio_input = await self._input(wanted.raw_format, stack)
            socket = await stack.enter_async_context(accepted(scope, receive, send, options))
            await self._kind.session(socket, audio_input, streams, wanted, info).run()
            request.audio_s = streams[0].now_s

    async def _input(
        self, raw_format: RawFormat | None, stack: contextlib.AsyncExitStack[bool | None]
    ) -> AudioInput:
        """What takes the audio, until the stack is left."""
        if raw_format is not None and not raw_format.is_packets:
            return RawInput(raw_format)
        container = await stack.enter_async_context(self._runtime.open_container())
        decoded = await stack.enter_async_context(container_input(container))
        return decoded if raw_format is None else PacketInput(raw_format.n_channels, decoded)


def subprotocol(offered: Sequence[str]) -> str | None:
    """The one to answer with, if any was offered that means something."""
    return next((each for each in offered if each.lower() in _SUBPROTOCOLS), None)

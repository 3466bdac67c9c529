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
from auricle.server.dialects.deepgram.bodies import model_uuid
from auricle.server.dialects.deepgram.errors import request_id
from auricle.server.dialects.deepgram.flux_asked import FluxAsked
from auricle.server.dialects.deepgram.flux_session import FluxSession
from auricle.server.dialects.deepgram.following import Following, Known
from auricle.server.dialects.deepgram.intake import Intake, RawIntake, container_intake
from auricle.server.dialects.deepgram.model import served_model
from auricle.server.dialects.deepgram.session import ListenSession
from auricle.server.dialects.deepgram.sound import Sound
from auricle.server.dialects.deepgram.streamed import Streamed
from auricle.server.fields.audio_request import IgnoredFields, Pairs
from auricle.server.transport import context
from auricle.server.transport.socket import Socket, Terms, accepted
from auricle.speech_runtime import SpeechRuntime
from auricle.types import DecodeOptions

NO_DATA_S: Final = 10.0
"""A socket that brings neither audio nor a message for so long is closed, as Deepgram does."""

_SUBPROTOCOLS: Final = ("token", "bearer")
"""What browsers put before a key; they want to hear it back."""


class _Asked(Protocol):
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
    def sound(self) -> Sound | None: ...
    @property
    def ignored(self) -> tuple[str, ...]: ...


Asked = TypeVar("Asked", bound=_Asked)


class _LiveEndpoint(ABC, Generic[Asked]):
    """A path where streams are held."""

    def __init__(self, runtime: SpeechRuntime, no_data_s: float = NO_DATA_S) -> None:
        self._runtime = runtime
        self._no_data_s = no_data_s
        self._ignored = IgnoredFields()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        runtime, request = self._runtime, context.of(scope)
        pairs = QueryParams(scope["query_string"]).multi_items()
        asked = self._read(pairs, runtime.settings)
        self._ignored.note(asked.ignored)
        model = await served_model(runtime, asked.model)
        known = Known(request_id(scope), (await runtime.status(model)).name)
        request.headers.update(
            {"dg-model-name": known.model, "dg-model-uuid": model_uuid(known.model)}
        )
        terms = Terms(
            subprotocol=subprotocol(scope.get("subprotocols", ())),
            idle_s=self._no_data_s,
            max_s=runtime.settings.max_live_s,
        )
        async with contextlib.AsyncExitStack() as stack:
            opened = [
                runtime.open_live(asked.live, asked.options, request.client, model)
                for _ in range(asked.n_streams)
            ]
            streams = [await stack.enter_async_context(each) for each in opened]
            intake = await self._intake(asked.sound, stack)
            socket = await stack.enter_async_context(accepted(scope, receive, send, terms))
            await self._follow(socket, intake, streams, asked, known).run()
            request.audio_s = streams[0].now_s

    async def _intake(
        self, sound: Sound | None, stack: contextlib.AsyncExitStack[bool | None]
    ) -> Intake:
        """What takes the audio, until the stack is left."""
        if sound is not None:
            return RawIntake(sound)
        container = await stack.enter_async_context(self._runtime.open_container())
        return await stack.enter_async_context(container_intake(container))

    @abstractmethod
    def _read(self, pairs: Pairs, settings: Settings) -> Asked:
        """What the address asks for. Raises `InvalidRequest`."""

    @abstractmethod
    def _follow(
        self,
        socket: Socket,
        intake: Intake,
        streams: Sequence[LiveStream],
        asked: Asked,
        known: Known,
    ) -> Following:
        """The session of a socket that is open."""


class LiveListen(_LiveEndpoint[Streamed]):
    """``GET /v1/listen``."""

    def _read(self, pairs: Pairs, settings: Settings) -> Streamed:
        return Streamed.read(pairs, settings)

    def _follow(
        self,
        socket: Socket,
        intake: Intake,
        streams: Sequence[LiveStream],
        asked: Streamed,
        known: Known,
    ) -> Following:
        return ListenSession(socket, intake, streams, asked, known)


class FluxListen(_LiveEndpoint[FluxAsked]):
    """``GET /v2/listen``."""

    def _read(self, pairs: Pairs, settings: Settings) -> FluxAsked:
        return FluxAsked.read(pairs, settings)

    def _follow(
        self,
        socket: Socket,
        intake: Intake,
        streams: Sequence[LiveStream],
        asked: FluxAsked,
        known: Known,
    ) -> Following:
        return FluxSession(socket, intake, streams[0], asked, known)


def subprotocol(offered: Sequence[str]) -> str | None:
    """The one to answer with, if any was offered that means something."""
    return next((each for each in offered if each.lower() in _SUBPROTOCOLS), None)

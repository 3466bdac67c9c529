"""``GET /v1/listen`` as a websocket: audio comes, and what is said of it goes to the client.

Knows nothing about how audio becomes text, or how a websocket is kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from auricle.server.dialects.deepgram.bodies import model_uuid
from auricle.server.dialects.deepgram.errors import request_id
from auricle.server.dialects.deepgram.model import served_model
from auricle.server.dialects.deepgram.session import Known, LiveListenSession
from auricle.server.dialects.deepgram.streamed import Streamed
from auricle.server.fields.audio_request import IgnoredFields
from auricle.server.transport import context
from auricle.server.transport.socket import Terms, accepted
from auricle.speech_runtime import SpeechRuntime

NO_DATA_S: Final = 10.0
"""A socket that brings neither audio nor a message for so long is closed, as Deepgram does."""

_SUBPROTOCOLS: Final = ("token", "bearer")
"""What browsers put before a key; they want to hear it back."""


class LiveListen:
    """``GET /v1/listen``."""

    def __init__(self, runtime: SpeechRuntime, no_data_s: float = NO_DATA_S) -> None:
        self._runtime = runtime
        self._no_data_s = no_data_s
        self._ignored = IgnoredFields()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        runtime, request = self._runtime, context.of(scope)
        pairs = QueryParams(scope["query_string"]).multi_items()
        wanted = Streamed.read(pairs, runtime.settings)
        self._ignored.note(wanted.ignored)
        model = await served_model(runtime, wanted.model)
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
                runtime.open_live(wanted.live, wanted.options, request.client, model)
                for _ in range(wanted.n_streams)
            ]
            streams = [await stack.enter_async_context(each) for each in opened]
            socket = await stack.enter_async_context(accepted(scope, receive, send, terms))
            await LiveListenSession(socket, wanted, streams, known).run()
            request.audio_s = streams[0].now_s


def subprotocol(offered: Sequence[str]) -> str | None:
    """The one to answer with, if any was offered that means something."""
    return next((each for each in offered if each.lower() in _SUBPROTOCOLS), None)

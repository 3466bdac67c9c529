"""``GET /v1/realtime``: who is let in, and into what kind of session.

Knows nothing about what is said in it. OpenAI's service takes every websocket and then says what
was wrong, because browsers show a page nothing of a refused handshake; so does this one where a key
or a session is wrong. A server that has no room, or is not ready, answers with a status.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qs

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from auricle.errors import AuricleError, InvalidRequest, ModelNotFound, Unauthorized
from auricle.server.access.client_secrets import ClientSecrets
from auricle.server.access.keys import given_key
from auricle.server.dialects.realtime import beta
from auricle.server.dialects.realtime.configuration import Configuration, Transcription
from auricle.server.dialects.realtime.connection import (
    WRONG_MODEL,
    Connection,
    SessionRequest,
    error_event,
    replace_code,
)
from auricle.server.dialects.realtime.ids import new_id
from auricle.server.transport import context
from auricle.server.transport.socket import SocketOptions, accepted
from auricle.speech_runtime import SpeechRuntime

PATH = "/v1/realtime"

SUBPROTOCOL = "realtime"

WRONG_KEY = 3000

CONVERSATION_MODELS = re.compile(
    r"gpt-realtime(?:-mini|-\d[\d.]*)*|gpt-4o(?:-mini)?-realtime-preview(?:-[\d-]+)?"
)
"""OpenAI's client for Node can name a model alone, not a kind of session, and its users name one of
these; what they mean here is the model that is served."""


class Realtime:
    """The endpoint."""

    def __init__(self, runtime: SpeechRuntime, secrets: ClientSecrets) -> None:
        self._runtime, self._secrets = runtime, secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = context.of(scope).client
        is_beta = _is_beta(scope)
        try:
            session = SessionRequest(self._configuration(scope), key, is_beta)
            async with contextlib.aclosing(Connection(self._runtime, session)) as connection:
                await connection.open()
                async with accepted(scope, receive, send, self._socket_options(scope)) as socket:
                    await connection.serve(socket)
        except InvalidRequest as exc:
            if context.of(scope).has_begun:
                raise
            known = replace_code(exc, "invalid_model") if isinstance(exc, ModelNotFound) else exc
            await _refused(scope, receive, send, known, WRONG_MODEL)

    def _socket_options(self, scope: Scope) -> SocketOptions:
        settings = self._runtime.settings
        return SocketOptions(
            subprotocol=_subprotocol(scope),
            idle_s=float(settings.live_idle_s),
            max_s=float(settings.max_live_s),
        )

    def _configuration(self, scope: Scope) -> Configuration:
        """What the session begins with.

        Raises:
            InvalidRequest: it is not for transcription, or nothing says what it is for.
        """
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        intent, model = (query.get(name, [""])[-1].strip() for name in ("intent", "model"))
        secret = self._secrets.find(given_key(scope))
        if secret is not None and isinstance(secret.stands_for, Configuration):
            return secret.stands_for
        if intent not in ("", "transcription"):
            raise InvalidRequest(
                f"Invalid value: '{intent[:80]}'. This server has sessions of the intent "
                "'transcription'.",
                param="intent",
                code="invalid_value",
            )
        if not intent and not model:
            scheme = scope.get("scheme", "ws")
            address = Headers(scope=scope).get("host", "localhost")
            raise InvalidRequest(
                "You must provide a model parameter, or the intent, for example "
                f"{scheme}://{address}{PATH}?intent=transcription.",
                param="model",
                code="missing_model",
            )
        if not model or CONVERSATION_MODELS.fullmatch(model):
            return Configuration()
        return replace(Configuration(), transcription=Transcription(model=model))


async def refuse(scope: Scope, receive: Receive, send: Send, exc: AuricleError) -> None:
    """Tell a client that is not let in why: for a wrong key by an event, else by a status."""
    if not isinstance(exc, Unauthorized):
        raise exc
    await _refused(scope, receive, send, exc, WRONG_KEY)


async def _refused(
    scope: Scope, receive: Receive, send: Send, exc: InvalidRequest, code: int
) -> None:
    event = msgspec.structs.replace(error_event(exc), event_id=new_id("event"))
    reason = f"{exc.type}.{exc.code}" if exc.code else exc.type
    async with accepted(
        scope, receive, send, SocketOptions(subprotocol=_subprotocol(scope))
    ) as socket:
        socket.send(msgspec.json.encode(event).decode())
        socket.close(code, reason)


def _subprotocol(scope: Scope) -> str | None:
    """What is answered to what a browser offers; other clients offer none, and take none."""
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", ()) else None


def _is_beta(scope: Scope) -> bool:
    headers: Mapping[str, str] = Headers(scope=scope)
    asked = headers.get("openai-beta", "").split(",")
    offered = scope.get("subprotocols", ())
    return beta.HEADER in (each.strip() for each in asked) or beta.SUBPROTOCOL in offered

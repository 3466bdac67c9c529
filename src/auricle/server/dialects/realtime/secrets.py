"""``POST /v1/realtime/client_secrets``, and the older ``/v1/realtime/transcription_sessions``: keys
for pages, each for a session that is described beforehand.

Knows nothing about sockets.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from auricle.errors import UNDECODABLE, InvalidRequest, ModelNotFound
from auricle.server.access.client_secrets import ClientSecret, ClientSecrets
from auricle.server.dialects.realtime import beta
from auricle.server.dialects.realtime.configuration import MODEL_PATH, Configuration, updated
from auricle.server.dialects.realtime.events import session_shown
from auricle.server.dialects.realtime.fields import Fields
from auricle.server.dialects.realtime.ids import new_id
from auricle.server.transport import body as request_body
from auricle.server.transport import context
from auricle.speech_runtime import SpeechRuntime

SECONDS = (10, 7200)
DEFAULT_SECONDS = 600

MAX_BODY_BYTES = 64 * 1024


class Secrets:
    """Both endpoints."""

    def __init__(self, runtime: SpeechRuntime, secrets: ClientSecrets) -> None:
        self._runtime, self._secrets = runtime, secrets

    async def create(self, request: Request) -> Response:
        """A secret for a session as it is described today."""
        body = Fields(await self._body(request), "")
        body.known("expires_after", "session")
        seconds = _seconds(body)
        configuration = Configuration()
        if not body.is_null("session"):
            configuration = updated(configuration, body.fields("session"))
        secret = await self._issued(request, configuration, seconds)
        session = session_shown(new_id("sess"), 0, configuration)
        answer = {"value": secret.value, "expires_at": secret.expires_at, "session": session}
        return _json(answer)

    async def create_beta(self, request: Request) -> Response:
        """A secret for a session as it was described in beta."""
        body = await self._body(request)
        try:
            session = Fields(beta.current_session(body), "session")
            configuration = updated(Configuration(), session)
        except InvalidRequest as exc:
            raise beta.beta_error(exc) from exc
        secret = await self._issued(request, configuration, DEFAULT_SECONDS)
        shown = beta.flat_session(session_shown(new_id("sess"), 0, configuration))
        value = {"value": secret.value, "expires_at": secret.expires_at}
        return _json({**shown, "client_secret": value})

    async def _issued(
        self, request: Request, configuration: Configuration, seconds: int
    ) -> ClientSecret:
        try:
            await self._runtime.find(configuration.model)
        except ModelNotFound as exc:
            exc.param = MODEL_PATH
            raise
        client = context.of(request.scope).client
        return self._secrets.issue(client, seconds, configuration)

    async def _body(self, request: Request) -> dict[str, Any]:
        least = self._runtime.settings.min_upload_bytes_per_s
        pieces = request_body.pieces(request, MAX_BODY_BYTES, least)
        raw = b"".join([piece async for piece in pieces])
        if not raw.strip():
            return {}
        try:
            body = msgspec.json.decode(raw)
        except UNDECODABLE as exc:
            raise InvalidRequest(f"The body is no JSON: {exc}.", code="invalid_json") from exc
        if not isinstance(body, dict):
            raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
        return body


def _seconds(body: Fields) -> int:
    if body.is_null("expires_after"):
        return DEFAULT_SECONDS
    after = body.fields("expires_after")
    after.known("anchor", "seconds")
    if not after.is_null("anchor"):
        after.choice("anchor", ("created_at",))
    return after.integer("seconds", SECONDS, DEFAULT_SECONDS)


def _json(answer: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")

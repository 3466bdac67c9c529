"""``POST /v1/auth/grant``: a token for a short time, so that a page need not know a key.

Knows nothing about how tokens are checked.
"""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from auricle.errors import UNDECODABLE, InvalidRequest
from auricle.server.access.client_secrets import ClientSecrets
from auricle.server.transport import body as request_body
from auricle.server.transport import context

PATH: Final = "/v1/auth/grant"

DEFAULT_SECONDS: Final = 30
MAX_SECONDS: Final = 3600

MAX_BODY_BYTES: Final = 4096


class GrantRequest(msgspec.Struct, frozen=True):
    ttl_seconds: float | None = None


class Granted(msgspec.Struct, frozen=True):
    """The token, and for how many seconds it opens sockets and answers requests."""

    access_token: str
    expires_in: int


class Grant:
    """Gives out tokens for the paths of Deepgram's API."""

    def __init__(self, tokens: ClientSecrets, min_bytes_per_s: int) -> None:
        self._tokens = tokens
        self._min_bytes_per_s = min_bytes_per_s

    async def grant(self, request: Request) -> Response:
        seconds = _seconds(await self._asked(request))
        client = context.of(request.scope).client
        token = self._tokens.issue(client, seconds, None)
        body = msgspec.json.encode(Granted(token.value, seconds))
        return Response(body, media_type="application/json")

    async def _asked(self, request: Request) -> GrantRequest:
        pieces = request_body.pieces(request, MAX_BODY_BYTES, self._min_bytes_per_s)
        raw = b"".join([piece async for piece in pieces])
        try:
            return msgspec.json.decode(raw.strip() or b"{}", type=GrantRequest)
        except UNDECODABLE as exc:
            raise InvalidRequest(f"The body is not what it should be: {exc}.") from exc


def _seconds(asked: GrantRequest) -> int:
    given = DEFAULT_SECONDS if asked.ttl_seconds is None else asked.ttl_seconds
    if not 1 <= given <= MAX_SECONDS:
        raise InvalidRequest(
            f"Invalid 'ttl_seconds' value of '{given:g}'. Allowed is a number from 1 to "
            f"{MAX_SECONDS}.",
            param="ttl_seconds",
            code="invalid_value",
        )
    return int(given)

"""The gate before every path: by which name, from which page and with which key it is asked.

Knows nothing about what is asked behind it.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auricle.config import Settings
from auricle.errors import AuricleError
from auricle.server import errors
from auricle.server.access import hosts, origins
from auricle.server.access.keys import ApiKeys

OPEN_PATHS = frozenset({"/health", "/docs", "/openapi.json", "/openapi.yaml"})
"""Answered without a key: probes have none, and the documents are public."""


class AccessMiddleware:
    """ASGI middleware; answers what may not pass by itself."""

    def __init__(self, app: ASGIApp, settings: Settings, keys: ApiKeys) -> None:
        self._app = app
        self._settings = settings
        self._origins = origins.Origins(settings.cors_origins)
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = None
        try:
            hosts.check(headers, self._settings.host, self._settings.allowed_hosts)
            origin = origins.check(self._origins, headers)
            if origins.is_preflight(scope["method"], headers):
                answer = Response(status_code=204, headers=origins.preflight_answer(headers))
                await answer(scope, receive, _readable(send, origin))
                return
            if scope["path"] not in OPEN_PATHS:
                self._keys.check(headers)
        except AuricleError as exc:
            await errors.response_to(exc)(scope, receive, _readable(send, origin))
            return
        await self._app(scope, receive, _readable(send, origin))


def _readable(send: Send, origin: str | None) -> Send:
    """``send`` with the headers that let a page read the answer; as it is for what is no page."""
    if origin is None:
        return send
    added = origins.answer_headers(origin)

    async def readable(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in added.items():
                headers[name] = value
        await send(message)

    return readable

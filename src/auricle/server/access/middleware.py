"""What every request must pass: by which name, from which page and with which key it is asked.

Knows nothing about what is asked behind it.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle.config import Settings
from auricle.server.access import origins
from auricle.server.access.hosts import HostNames
from auricle.server.access.keys import ApiKeys, given_key
from auricle.server.transport import context

OPEN_PATHS = frozenset({"/health", "/docs", "/openapi.json", "/openapi.yaml"})
"""Answered without a key: probes have none, and the documents are public."""


def is_open(path: str) -> bool:
    """Whether a path is answered without a key."""
    return path in OPEN_PATHS or path.startswith("/docs/")


class AccessMiddleware:
    """ASGI middleware that raises what refuses a request, and answers a page's preflight. Says in
    the request's context who asks."""

    def __init__(self, app: ASGIApp, settings: Settings, keys: ApiKeys) -> None:
        self._app = app
        self._hosts = HostNames(settings.allowed_hosts)
        self._origins = origins.Origins(settings.cors_origins)
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        self._hosts.check(headers, scope["http_version"])
        origin = origins.check(self._origins, headers)
        known = context.of(scope)
        if origin is not None:
            known.headers.update(origins.answer_headers(origin))
        if origins.is_preflight(scope["method"], headers):
            answer = Response(status_code=204, headers=origins.preflight_answer(headers))
            await answer(scope, receive, send)
            return
        key = given_key(scope)
        if not is_open(scope["path"]):
            self._keys.check(key)
        known.client = self._keys.client(key, scope["client"][0] if scope["client"] else "")
        await self._app(scope, receive, send)

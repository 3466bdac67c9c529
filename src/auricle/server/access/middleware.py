"""What every request must pass: by which name, from which page and with which key it is asked.

Knows nothing about what is asked behind it.

Why it is so: docs/decisions.md, HTTP.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle.errors import AuricleError
from auricle.server import page
from auricle.server.access import origins
from auricle.server.access.client_secrets import ClientSecrets
from auricle.server.access.hosts import HostNames
from auricle.server.access.keys import ApiKeys, given_key
from auricle.server.transport import context
from auricle.settings.config import Settings

OPEN_PATHS = frozenset({"/health", "/livez", "/readyz", "/docs", "/openapi.json", "/openapi.yaml"})
"""Answered without a key: probes have none, and the documents are public."""


def is_open(path: str, headers: Headers) -> bool:
    """Whether a request is answered without a key. The page is; it asks for one itself."""
    if path == "/":
        return page.is_wanted(headers)
    return path in OPEN_PATHS or path.startswith(("/docs/", "/page/"))


Refusal = Callable[[Scope, Receive, Send, AuricleError], Awaitable[None]]
"""Tells a client why its websocket is refused."""


class AccessMiddleware:
    """ASGI middleware that raises what refuses a request, and answers a page's preflight. Says in
    the request's context who asks. Browsers show a page nothing of a refused handshake, so the
    ``refusals`` of a path may tell it otherwise; and as a page has no place for a key of the
    server's own, a path may have ``secrets`` that are as good."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        keys: ApiKeys,
        refusals: Mapping[str, Refusal],
        secrets: Mapping[str, ClientSecrets],
    ) -> None:
        self._app = app
        self._settings = settings
        self._refusals = refusals
        self._secrets = secrets
        self._hosts = HostNames(settings.allowed_hosts)
        self._origins = origins.Origins(settings.cors_origins)
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case _:
                await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = self._check_origin(scope)
        if origins.is_preflight(scope["method"], headers):
            answer = Response(status_code=204, headers=origins.preflight_answer(headers))
            await answer(scope, receive, send)
            return
        if is_open(scope["path"], headers):
            self._check_key(scope, needs_none=True)
        else:
            self._check_secret_or_key(scope)
        await self._app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        in_flight = context.of(scope).in_flight
        with contextlib.ExitStack() as held:
            try:
                self._check_origin(scope)
                self._check_secret_or_key(scope)
                in_flight.check_open()
                held.enter_context(in_flight.socket(context.of(scope).client, self._settings))
            except AuricleError as exc:
                if (refuse := self._refusals.get(scope["path"])) is None:
                    raise
                context.of(scope).error = exc
                await refuse(scope, receive, send, exc)
                return
            await self._app(scope, receive, send)

    def _check_origin(self, scope: Scope) -> Headers:
        """Raise `Forbidden` for names and pages that are not allowed; the request's headers."""
        headers = Headers(scope=scope)
        self._hosts.check(headers, scope["http_version"])
        origin = origins.check(self._origins, headers)
        if origin is not None:
            context.of(scope).headers.update(origins.answer_headers(origin))
        return headers

    def _check_secret_or_key(self, scope: Scope) -> None:
        secrets = self._secrets.get(scope["path"])
        secret = secrets.find(given_key(scope)) if secrets is not None else None
        if secret is None:
            self._check_key(scope)
        else:
            context.of(scope).client = secret.client

    def _check_key(self, scope: Scope, *, needs_none: bool = False) -> None:
        """Raise `Unauthorized` for who has no key, and note who asks."""
        key = given_key(scope)
        if not needs_none:
            self._keys.check(key)
        address = scope["client"][0] if scope["client"] else ""
        context.of(scope).client = self._keys.client(key, address)

"""Base URLs under which clients of OpenAI's API look for it: Groq's and Azure's have paths of their
own before the ones that are served here.

Knows nothing about what is asked.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

SERVED = "/v1"

_PREFIXES = ("/v1/openai/v1/", "/openai/v1/", "/openai/")
"""The longest first. Groq's SDKs append ``/openai/v1`` to a base URL with or without ``/v1``; the
paths of Azure's API begin with ``/openai/v1`` or, by deployments, with ``/openai``."""

_GROQS = _PREFIXES[:2]

_ASKED = "auricle.asked_path"
"""Where a scope keeps the path that was asked for, if another is served for it."""

_AREAS = ("audio/", "models", "deployments/", "realtime")
"""How a path goes on that is served under each of them."""

_TAILS = ("/audio/transcriptions", "/audio/translations", "/models")
"""What clients append to their base URL."""


class BaseUrls:
    """ASGI middleware that finds the API under every base URL in use."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            path: str = scope["path"]
            served = served_path(path)
            # In the scope itself: the middleware around this wants to know which route was found
            scope["path"], scope[_ASKED] = served, path if served != path else ""
        await self._app(scope, receive, send)


def served_path(path: str) -> str:
    """The path that is served here for one that a client asks for."""
    for prefix in _PREFIXES:
        rest = path.removeprefix(prefix)
        if rest != path and rest.startswith(_AREAS):
            return f"{SERVED}/{rest}"
    return path


def is_groqs(scope: Scope) -> bool:
    """Whether a request came under a base URL as Groq's SDKs make it."""
    asked: str = scope.get(_ASKED, "")
    return asked.startswith(_GROQS)


def hint(path: str, server: str) -> str:
    """What to say of a path that is not served: the base URL a client should have been given, where
    it looks like one of OpenAI's API. ``server`` is the address it was asked under."""
    if not path.endswith(_TAILS):
        return ""
    return f". The base URL of this server's API is {server.rstrip('/')}{SERVED}."

"""Which web pages may use this server.

Knows nothing about keys, names of hosts or what is asked.

A browser lets any page in the world send requests to ``localhost``. It then keeps the answers from
the page, but the work is done. So requests of pages that are not allowed are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from auricle.errors import Forbidden
from auricle.server.transport.listeners import is_loopback

ANY = "*"
LOCAL = "local"
"""Stands for pages of this machine, and for windows of applications: their origins have schemes of
their own (``app://``), which no page on the web can have."""

EXPOSED = (
    "x-request-id, openai-processing-ms, openai-version, retry-after, x-should-retry, "
    "content-disposition, x-auricle-audio-track, x-auricle-warning, dg-request-id, dg-error, "
    "dg-model-name, dg-model-uuid"
)
ALLOWED_METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
ALWAYS_ALLOWED = ("authorization", "content-type", "x-auricle-deadline")
PREFLIGHT_MAX_AGE_S = 600


class Origins:
    """The origins of pages that may ask."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def allow(self, origin: str, host: str) -> bool:
        """Whether pages of ``origin`` may ask; ``host`` is the name they ask for, and its own pages
        always may."""
        asked = origin.lower()
        if ANY in self._allowed or asked in self._allowed:
            return True
        try:
            where = urlsplit(asked)
        except ValueError:  # such as http://[
            return False
        if "@" in where.netloc:  # no origin has a user, and what is before it may be a host
            return False
        if where.scheme in ("http", "https") and where.netloc == host.lower():
            return True
        return LOCAL in self._allowed and _is_local(where.scheme, where.hostname or "")


def check(origins: Origins, headers: Headers) -> str | None:
    """The origin of the page that asks, None for what is not a page.

    Raises:
        Forbidden: pages of that origin may not ask.
    """
    origin = headers.get("origin")
    if origin is None or origins.allow(origin, headers.get("host", "")):
        return origin
    raise Forbidden(
        f"Pages of the origin {origin[:100]!r} may not use this server. Its operator can allow "
        "them with the setting cors_origins.",
        code="origin_not_allowed",
    )


def is_preflight(method: str, headers: Headers) -> bool:
    return method == "OPTIONS" and "access-control-request-method" in headers


def preflight_answer(headers: Headers) -> dict[str, str]:
    """The headers that tell a browser to go ahead. Every header it asks for is allowed: clients
    send many (``x-stainless-*``, ``openai-*``), none of them gives a page more than it has."""
    asked = headers.get("access-control-request-headers", "").lower().split(",")
    named = {name.strip() for name in asked if name.strip()}
    answer = {
        "access-control-allow-methods": ALLOWED_METHODS,
        "access-control-allow-headers": ", ".join(sorted(named | set(ALWAYS_ALLOWED))),
        "access-control-max-age": str(PREFLIGHT_MAX_AGE_S),
    }
    if headers.get("access-control-request-private-network") == "true":
        answer["access-control-allow-private-network"] = "true"
    return answer


def answer_headers(origin: str) -> dict[str, str]:
    """What every answer to a page carries, so that its script may read it."""
    return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": EXPOSED,
        "vary": "Origin",
    }


def _is_local(scheme: str, name: str) -> bool:
    if scheme not in ("http", "https"):
        return bool(scheme)  # "null" has none: sandboxed frames of any page send it
    return is_loopback(name) or name.endswith(".localhost")

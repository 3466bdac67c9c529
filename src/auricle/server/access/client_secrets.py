"""Keys for a short time, which a server gives to pages so that they need not know its own.

Knows nothing about what they stand for: that is kept with them. They are in memory only, so they
end with the server.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from auricle.errors import Overloaded, Unauthorized

PREFIX = "ek_"

MAX_SECRETS = 10_000
"""Secrets that are valid at one time; each takes a kilobyte or so."""

RETRY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """``value`` is the key. ``client`` is who asked for it, for limits per client."""

    value: str
    expires_at: int
    """Seconds since 1970."""
    client: str
    stands_for: object


class ClientSecrets:
    """The secrets of one kind of a server, which ``path`` gives out."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        path: str = "/v1/realtime/client_secrets",
    ) -> None:
        self._clock = clock
        self._path = path
        self._by_value: dict[str, ClientSecret] = {}

    def issue(self, client: str, seconds: int, stands_for: object) -> ClientSecret:
        """Another secret, for so many seconds.

        Raises:
            Overloaded: there are as many as there may be.
        """
        now = self._clock()
        if len(self._by_value) >= MAX_SECRETS:
            self._by_value = {v: s for v, s in self._by_value.items() if s.expires_at > now}
        if len(self._by_value) >= MAX_SECRETS:
            raise Overloaded(
                f"{MAX_SECRETS} client secrets are valid, which is the limit of this server; try "
                "again later.",
                code="rate_limit_exceeded",
                retry_after_s=RETRY_AFTER_S,
            )
        value = PREFIX + secrets.token_hex(16)
        secret = ClientSecret(value, round(now) + seconds, client, stands_for)
        self._by_value[value] = secret
        return secret

    def find(self, key: str) -> ClientSecret | None:
        """What a key is, if it is one of these; None if it is a key of another kind.

        Raises:
            Unauthorized: it is not valid any more, or never was.
        """
        if not key.startswith(PREFIX):
            return None
        secret = self._by_value.get(key)
        if secret is None or secret.expires_at <= self._clock():
            self._by_value.pop(key, None)
            raise Unauthorized(
                "The client secret is not valid, or not any more. Create another with POST "
                f"{self._path}.",
                code="invalid_api_key",
            )
        return secret

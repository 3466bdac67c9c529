"""Where a client's server is and how it is spoken to.

Knows nothing about what is asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import httpx2

from auricle import __version__
from auricle.client.retry import translated

DEFAULT_URL: Final = "http://localhost:50060"

DEFAULT_MODEL: Final = "whisper-1"
"""OpenAI's name, which stands for the model a server was started with."""

DEFAULT_TIMEOUT_S: Final = 3600.0
"""Hours of audio take a slow machine this long; a server that is gone is noticed sooner."""

CONNECT_TIMEOUT_S: Final = 10.0


class Connection:
    """A server's address and what every request to it carries. The address may end in ``/v1``.

    Raises:
        ValueError: it is no http address.
    """

    def __init__(self, url: str, api_key: str | None, timeout_s: float, max_retries: int) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"base_url {url!r} must begin with http:// or https://")
        self.url = url.rstrip("/").removesuffix("/v1")
        self.headers = {"user-agent": f"auricle/{__version__}"}
        if api_key is not None:
            self.headers["authorization"] = f"Bearer {api_key}"
        self.timeout = httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))
        self.max_retries = max_retries

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Failures while an answer is read, in this package's terms."""
        try:
            yield
        except httpx2.TransportError as exc:
            raise translated(exc, self.url) from exc

"""The requests under way: how many there are, whether more are taken, and how they are ended.

Knows nothing about HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from auricle.config import Settings
from auricle.errors import Overloaded, Unavailable

UPLOADS_RETRY_S = 2.0
"""When a client should ask again that found too many others uploading: most take no longer."""

STOPPING_RETRY_S = 5.0
"""When a client should ask again that reached a server on its way out."""


class InFlight:
    """The exchanges under way, and whether new work is still taken. Belongs to the event loop."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.is_cut_off = False
        self._live: set[asyncio.Task[Any]] = set()
        self._uploads: Counter[str] = Counter()
        """By client."""
        self._idle = asyncio.Event()
        self._idle.set()

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """The current task is an exchange for as long as the context lasts."""
        task = asyncio.current_task()
        assert task is not None
        self._live.add(task)
        self._idle.clear()
        try:
            yield
        finally:
            self._live.discard(task)
            if not self._live:
                self._idle.set()

    def check_open(self) -> None:
        """Raise `Unavailable` when no new work is taken."""
        if self.is_stopping:
            raise stopping()

    @contextlib.contextmanager
    def uploading(self, client: str, settings: Settings) -> Iterator[None]:
        """An upload of ``client`` is read for as long as the context lasts.

        Raises:
            Overloaded: as many as allowed are being read already, of everybody or of this client.
        """
        limit = settings.max_uploads
        own_limit = settings.max_uploads_per_client or max(limit // 2, 1)
        if self.n_uploads >= limit:
            raise _too_many(f"{limit} requests are being uploaded", "server", "max_uploads")
        if self._uploads[client] >= own_limit:
            what = f"{own_limit} of your requests are being uploaded"
            raise _too_many(what, "server for one client", "max_uploads_per_client")
        self._uploads[client] += 1
        try:
            yield
        finally:
            self._uploads[client] -= 1
            if not self._uploads[client]:
                del self._uploads[client]

    @property
    def n_uploads(self) -> int:
        return self._uploads.total()

    async def idle(self) -> None:
        """Return once no exchange is under way."""
        await self._idle.wait()

    def cut_off(self) -> int:
        """Cancel every exchange under way; how many there were."""
        self.is_cut_off = True
        for task in self._live:
            task.cancel()
        return len(self._live)


def stopping() -> Unavailable:
    return Unavailable("The server is shutting down.", retry_after_s=STOPPING_RETRY_S)


def _too_many(what: str, whose: str, setting: str) -> Overloaded:
    return Overloaded(
        f"{what}, which is the limit of this {whose} ({setting}); try again later.",
        code="rate_limit_exceeded",
        retry_after_s=UPLOADS_RETRY_S,
    )

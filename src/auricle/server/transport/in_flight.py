"""The requests under way: how many there are, whether more are taken, and how they are ended.

Knows nothing about HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from auricle.errors import Overloaded, Unavailable
from auricle.settings.config import Settings

SHARED_RETRY_S = 2.0
"""When a client should ask again that found too many others: most uploads take no longer."""

STOPPING_RETRY_S = 5.0
"""When a client should ask again that reached a server on its way out."""


class InFlight:
    """The exchanges under way, and whether new work is still taken. Belongs to the event loop."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.is_cut_off = False
        self._live: set[asyncio.Task[Any]] = set()
        self._uploads = _Shared()
        self._sockets = _Shared()
        self._stop_callbacks: set[Callable[[], None]] = set()
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
        limit, own_limit = settings.max_uploads, settings.max_uploads_per_client
        with self._uploads.one_more(client, limit, own_limit, "uploads", "max_uploads"):
            yield

    @property
    def n_requests(self) -> int:
        """Requests and websockets under way."""
        return len(self._live)

    @property
    def n_uploads(self) -> int:
        return self._uploads.by_client.total()

    @property
    def n_sockets(self) -> int:
        return self._sockets.by_client.total()

    @contextlib.contextmanager
    def socket(self, client: str, settings: Settings) -> Iterator[None]:
        """A websocket of ``client`` is open for as long as the context lasts.

        Raises:
            Overloaded: as many as allowed are open already, of everybody or of this client.
        """
        limit, own_limit = settings.max_sockets, settings.max_sockets_per_client
        with self._sockets.one_more(client, limit, own_limit, "websockets", "max_sockets"):
            yield

    def stop(self) -> None:
        """Take no new work, and tell those who wait for more of theirs."""
        self.is_stopping = True
        for tell in list(self._stop_callbacks):
            tell()

    @contextlib.contextmanager
    def on_stop(self, tell: Callable[[], None]) -> Iterator[None]:
        """``tell`` is called when the server stops, at once if it does already."""
        if self.is_stopping:
            tell()
        self._stop_callbacks.add(tell)
        try:
            yield
        finally:
            self._stop_callbacks.discard(tell)

    async def idle(self) -> None:
        """Return once no exchange is under way."""
        await self._idle.wait()

    def cancel_all(self) -> int:
        """Cancel every exchange under way; how many there were."""
        self.is_cut_off = True
        for task in self._live:
            task.cancel()
        return len(self._live)


def stopping() -> Unavailable:
    return Unavailable("The server is shutting down.", retry_after_s=STOPPING_RETRY_S)


class _Shared:
    """Things of which there is a number, shared by clients."""

    def __init__(self) -> None:
        self.by_client: Counter[str] = Counter()

    @contextlib.contextmanager
    def one_more(
        self, client: str, limit: int, own_limit: int, what: str, setting: str
    ) -> Iterator[None]:
        """``client`` has one more for as long as the context lasts; an ``own_limit`` of 0 is half
        of all."""
        own_limit = own_limit or max(limit // 2, 1)
        if self.by_client.total() >= limit:
            raise _too_many(f"{limit} {what} at one time are the limit of this server", setting)
        if self.by_client[client] >= own_limit:
            whose = f"{own_limit} {what} at one time are the limit of this server for one client"
            raise _too_many(whose, f"{setting}_per_client")
        self.by_client[client] += 1
        try:
            yield
        finally:
            self.by_client[client] -= 1
            if not self.by_client[client]:
                del self.by_client[client]


def _too_many(limit: str, setting: str) -> Overloaded:
    return Overloaded(
        f"{limit} ({setting}); try again later.",
        code="rate_limit_exceeded",
        retry_after_s=SHARED_RETRY_S,
    )

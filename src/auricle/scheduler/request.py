"""An accepted request: the way its windows enter the queue, and what is known of its length.

Knows nothing about engines or the order in which windows run.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from auricle.engine.protocol import WindowText
from auricle.scheduler.admission import Backlog
from auricle.scheduler.policy import Priority
from auricle.scheduler.ticket import Ticket
from auricle.types import DecodeOptions, Window

if TYPE_CHECKING:
    from auricle.scheduler.scheduler import Scheduler


class Admission:
    """An accepted request: all its windows will be served. Leaving it drops what is unfinished."""

    def __init__(self, scheduler: Scheduler, request_id: int, backlog: Backlog) -> None:
        self._scheduler = scheduler
        self._request_id = request_id
        self._backlog = backlog
        self._pending: dict[asyncio.Future[WindowText], float] = {}

    @property
    def windows_ahead(self) -> int:
        """Windows (2 MB of pcm each) this request should have waiting or running at a time: enough
        that no worker idles; the rest of the recording is better kept in its file."""
        return self._scheduler.windows_ahead

    def expect(self, audio_s: float) -> None:
        """Say how long the recording is, once that is known better than at admission."""
        self._backlog.expect(self._request_id, audio_s)

    def submit(
        self,
        window: Window,
        options: DecodeOptions,
        language: str | None,
        priority: Priority = Priority.SHORT,
    ) -> Ticket:
        """Queue a window. ``language`` None asks for detection."""
        ticket = self._scheduler.submit(self._request_id, window, options, language, priority)
        now_s = asyncio.get_running_loop().time()
        self._backlog.queued(self._request_id, window.end_s, window.duration_s, now_s)
        self._pending[ticket.text] = window.duration_s
        ticket.text.add_done_callback(self._settled)
        return ticket

    def drop(self, ticket: Ticket) -> None:
        """Take a window back; its futures are cancelled."""
        self._scheduler.drop(ticket)

    def _settled(self, text: asyncio.Future[WindowText]) -> None:
        audio_s = self._pending.pop(text)
        if text.cancelled() or text.exception() is not None:
            self._backlog.dropped()
        else:
            self._backlog.done(self._request_id, audio_s, text.get_loop().time())

    def __enter__(self) -> Admission:
        return self

    def __exit__(self, *exc: object) -> None:
        for text in self._pending:
            text.remove_done_callback(self._settled)
            self._backlog.dropped()
        self._backlog.end(self._request_id)
        self._scheduler.end_request(self._request_id)

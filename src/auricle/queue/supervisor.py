"""Keeps an engine running: starts it, replaces one that died, says why there is none.

Knows nothing about what the engine does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from auricle.engine.protocol import Engine, ModelInfo
from auricle.errors import AuricleError, LoadingFailed, as_auricle_error
from auricle.telemetry.observe import NULL_OBSERVER, Observer

RETRY_START_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""When an engine that could not be started is tried again, though nobody asks for it: after each
failure later. So whoever watches the health of the server sees it recover."""

Timer = Callable[[float, Callable[[], None]], asyncio.TimerHandle]
"""Calls back after so many seconds, unless cancelled; the loop's own ``call_later``."""

_log = logging.getLogger(__name__)


class EngineSupervisor:
    """``failure`` is why there is no engine, from a start that failed to one that succeeds.
    ``wake`` is called when it is time to `replace` one."""

    def __init__(
        self,
        start_engine: Callable[[], Awaitable[Engine]],
        wake: Callable[[], None],
        timer: Timer | None = None,
        observer: Observer = NULL_OBSERVER,
    ) -> None:
        self.engine: Engine | None = None
        self.failure: AuricleError | None = None
        self._start_engine = start_engine
        self._wake = wake
        self._timer = timer
        self._observer = observer
        self._lost: Engine | None = None
        self._n_failures = 0
        self._retry: asyncio.TimerHandle | None = None

    async def start(self) -> ModelInfo:
        """Start the first one. Raises what starting it raises."""
        self.engine = await self._start_engine()
        return self.engine.info

    def lose(self, engine: Engine, reason: Exception) -> None:
        """An engine died: from now on there is none. Of one that was lost before, too."""
        if self.engine is engine:
            _log.error("%s; its work runs again on a fresh one", reason)
            self._observer.count("engine_deaths")
            self.engine, self._lost = None, engine
            self._wake()

    async def replace(self) -> Engine | None:
        """Start a fresh one after the last was lost; None, and a `failure`, if that cannot be done
        now. Never raises."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        try:
            await self._close_lost()
            self.engine = await self._started()
        except Exception as exc:  # noqa: BLE001  # the border: it is tried again
            self._failed(exc)
            return None
        self.failure, self._n_failures = None, 0
        return self.engine

    async def _started(self) -> Engine:
        """A fresh engine. One that died while it was loaded is started once more: what ended it, as
        it may have ended the one before, is probably over, and all that waits would be lost."""
        try:
            return await self._start_engine()
        except LoadingFailed as exc:
            _log.warning("%s; another is started", exc)
            return await self._start_engine()

    async def close(self) -> None:
        """End it, and what is left of one that died."""
        if self._retry is not None:
            self._retry.cancel()
        engine, self.engine = self.engine, None
        if engine is not None:
            await engine.close()
        await self._close_lost()

    def _failed(self, exc: Exception) -> None:
        self.failure = as_auricle_error(exc)
        self._observer.count("engine_start_failures")
        _log.error("no engine: %s", self.failure, exc_info=None if exc is self.failure else exc)
        after_s = RETRY_START_S[min(self._n_failures, len(RETRY_START_S) - 1)]
        self._n_failures += 1
        timer = self._timer or asyncio.get_running_loop().call_later
        self._retry = timer(after_s, self._wake)

    async def _close_lost(self) -> None:
        if self._lost is not None:
            await self._lost.close()
            self._lost = None

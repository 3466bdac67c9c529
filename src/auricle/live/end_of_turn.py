"""End-of-turn detection: asks a model whether a speaker who pauses has finished, for all streams.

Knows nothing about turns. The model is fetched like any other, under the name turns, and runs in a
process that is started when it is first asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from auricle.errors import AuricleError, InvalidRequest
from auricle.models.fetch import FetchOptions, obtain, on_this_machine
from auricle.models.progress import Bar, Progress
from auricle.models.registry import TURNS
from auricle.turn_taking.process import TurnProcess, TurnProcessDied
from auricle.types import Pcm

MAX_WAITING = 8
"""Pauses that wait for their probability at one time. One more would have it when it is over."""

Start = Callable[[Path], Awaitable[TurnProcess]]

_log = logging.getLogger(__name__)


class EndOfTurnModel(Protocol):
    """What a stream sees of the model."""

    def check(self) -> None:
        """Raise `InvalidRequest` where there is no model."""
        ...

    async def end_probability(self, pcm: Pcm) -> float | None:
        """How probable it is that who speaks at the end of ``pcm`` has finished there; None when
        nobody can tell."""
        ...


class EndOfTurnHost:
    """An `EndOfTurnModel` with a process of its own, made by ``start``. ``fetches``: the model may
    be fetched, too, when it is needed."""

    def __init__(
        self,
        fetching: FetchOptions,
        *,
        fetches: bool,
        progress: Progress | None = None,
        start: Start = TurnProcess.start,
    ) -> None:
        self._fetching = replace(fetching, offline=fetching.offline or not fetches)
        self._progress = progress or Bar()
        self._is_here = False
        self._start = start
        self._n_waiting = 0
        self._process: TurnProcess | None = None
        self._starting = asyncio.Lock()

    async def locate(self) -> None:
        """Find out whether the model is on this machine, for `check`."""
        if not self._is_here:
            found = await asyncio.to_thread(on_this_machine, TURNS, self._fetching)
            self._is_here = found is not None

    def check(self) -> None:
        if not self._is_here and self._fetching.offline:
            raise InvalidRequest(
                f"Turns cannot be ended by what is said: the model `{TURNS.id}` is not on this "
                f"server's machine. Its operator can add it with 'auricle models download "
                f"{TURNS.id}', or let requests fetch models with the setting fetch_on_request.",
                param="turn_detection",
                code="unsupported_value",
            )

    async def end_probability(self, pcm: Pcm) -> float | None:
        if self._n_waiting >= MAX_WAITING:
            return None
        self._n_waiting += 1
        try:
            process = await self._running()
            return await process.end_probability(pcm)
        except (TurnProcessDied, AuricleError) as exc:
            _log.warning("no end-of-turn probability of a pause: %s", exc)
            return None
        finally:
            self._n_waiting -= 1

    async def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            await self._process.close()

    async def _running(self) -> TurnProcess:
        async with self._starting:
            if self._process is None or not self._process.alive:
                folder = await asyncio.to_thread(obtain, TURNS, self._fetching, self._progress)
                self._process = await self._start(folder)
            return self._process

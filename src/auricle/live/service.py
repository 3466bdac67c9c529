"""The live streams of a process, whatever their models: heard together, counted together.

Knows nothing about models' names or where they come from.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from auricle.errors import AuricleError
from auricle.live import transcription, trial_reading
from auricle.live.backend import LiveBackend, Possible
from auricle.live.batched_vad import BatchedVad
from auricle.live.end_of_turn import EndOfTurnHost
from auricle.live.load import CONNECTED_S, LiveLoad
from auricle.live.options import LiveOptions
from auricle.live.places import ReadingPlaces
from auricle.live.transcription import LiveTranscription
from auricle.queue.queue import Queue
from auricle.reading.model import ReadingModel
from auricle.types import DecodeOptions

MAX_TRIAL_S = 2.0
"""How long whoever connects waits for a trial reading."""

MAX_WAITS = 5
"""How often whoever connects waits to see who sends, at most."""


class LiveService:
    """Opens streams, at most ``max_sessions``; `close` when there are no more. ``sleep`` and
    ``clock`` are in seconds."""

    def __init__(
        self,
        max_sessions: int,
        end_of_turn: EndOfTurnHost,
        max_trial_s: float = MAX_TRIAL_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = LiveLoad(max_sessions, clock)
        self._vad = BatchedVad(lambda: len(self._load))
        self._places: WeakKeyDictionary[Queue, ReadingPlaces] = WeakKeyDictionary()
        """Of each model, so that one whose engine is gone holds up its own streams alone."""
        self._end_of_turn = end_of_turn
        self._max_trial_s = max_trial_s
        self._sleep = sleep
        self._measuring: asyncio.Task[None] | None = None

    @property
    def n_streams(self) -> int:
        """Streams that are open."""
        return len(self._load)

    @property
    def lag_s(self) -> float:
        """See `LiveLoad.lag_s`."""
        return self._load.lag_s

    @asynccontextmanager
    async def open(
        self,
        model: ReadingModel,
        possible: Possible,
        live: LiveOptions,
        options: DecodeOptions,
        key: str = "",
    ) -> AsyncIterator[LiveTranscription]:
        """See `transcription.transcribed`."""
        await self._end_of_turn.locate()
        await self._know_cost(model)
        await self._see_who_sends(model.queue.n_workers)
        places = self._places.setdefault(model.queue, ReadingPlaces())
        backend = LiveBackend(
            self._vad.probabilities, self._load, places, model, possible, self._end_of_turn
        )
        async with transcription.transcribed(backend, live, options, key) as stream:
            yield stream

    async def _see_who_sends(self, n_workers: int) -> None:
        """Wait while those who have just come may be all that can be followed; of those who wait
        together, some have come before the others."""
        for _ in range(MAX_WAITS):
            if not self._load.is_unsure(n_workers):
                return
            await self._sleep(CONNECTED_S)

    async def _know_cost(self, model: ReadingModel) -> None:
        """Find out what a reading costs, unless that was seen lately: those who come at a time are
        let in, or not, before any of them is read."""
        if self._load.knows_cost:
            return
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure(model), name="trial reading")
        await asyncio.wait({self._measuring}, timeout=self._max_trial_s)

    async def _measure(self, model: ReadingModel) -> None:
        with contextlib.suppress(AuricleError):  # streams find out soon enough
            self._load.measure(await trial_reading.cost_s(model))

    async def close(self) -> None:
        """Take nothing more."""
        if self._measuring is not None:
            self._measuring.cancel()
            await asyncio.wait({self._measuring})
        await self._vad.close()
        await self._end_of_turn.close()

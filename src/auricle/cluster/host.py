"""An engine on one machine of a cluster, for gateways on others: started, replaced, drained.

Knows nothing about Ray, which makes an actor of it, nor about requests. Methods are for one event
loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

import msgspec

from auricle.cluster.leases import Leases
from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    Detected,
    DetectJob,
    EncodeJob,
    Engine,
    EngineDied,
    Hypothesis,
    ModelInfo,
    ReleaseJob,
    Tokens,
)
from auricle.engine.replicas import MeasuredEngine
from auricle.queue.supervisor import EngineSupervisor, Timer
from auricle.rpc.watchdog import Sleep

SETTLE_S = 5.0
"""How long gateways take to learn that an engine is to go; until then they send windows."""

DRAIN_S = 60.0
"""How long an engine that is to go is kept for the windows that it has encoded."""

Start = Callable[[], Awaitable[MeasuredEngine]]


class Offer(msgspec.Struct, frozen=True):
    """An engine that can be used."""

    info: ModelInfo
    memory_bytes: int | None


class EngineHost:
    """What an `Engine` does, and `offer`, `end`, `drain`; call `start` first."""

    def __init__(
        self,
        start: Start,
        clock: Callable[[], float] = time.monotonic,
        timer: Timer | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._supervisor = EngineSupervisor(self._starting(start), self._wake, timer)
        self._clock = clock
        self._leases = Leases()
        self._free = asyncio.Semaphore(1)
        self._replacing: asyncio.Task[Engine | None] | None = None
        self._drained = asyncio.Event()
        self._engine: MeasuredEngine | None = None

    async def start(self) -> None:
        """Start the engine. Raises what that raises."""
        await self._supervisor.start()

    async def offer(self, session: int, backlog_s: float) -> Offer | None:
        """Keep the states of a session; None while there is no engine. ``backlog_s``: the work
        that waits for engines of this model, there."""
        now_s = self._clock()
        self._leases.renew(session, backlog_s, now_s)
        await self._let_go(self._leases.expire(now_s))
        if self._supervisor.engine is None or self._engine is None:
            return None
        return Offer(self._engine.info, self._engine.memory_bytes())

    async def backlog_s(self) -> float:
        """The work that waits for engines of this model, at all gateways."""
        return self._leases.backlog_s

    async def check(self) -> None:
        """Raise why an engine that died could not be replaced."""
        if self._supervisor.failure is not None:
            raise self._supervisor.failure

    async def end(self, session: int) -> None:
        """A session has no need of what it has here."""
        await self._let_go(self._leases.end(session))

    async def drain(self) -> None:
        """End the engine once nobody has a window here any more, or after `DRAIN_S`."""
        await self._sleep(SETTLE_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while self._leases.n_states:
                    self._drained.clear()
                    await self._drained.wait()
        await self._supervisor.close()

    async def encode(self, job: EncodeJob) -> None:
        async with self._worker() as engine:
            await engine.encode(job)
        self._leases.hold((row.state_id for row in job.rows), self._clock())

    async def detect_language(self, job: DetectJob) -> Detected:
        async with self._worker() as engine:
            return await engine.detect_language(job)

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        async with self._worker() as engine:
            async for reply in engine.decode(job):
                yield reply

    async def align(self, job: AlignJob) -> Aligned:
        async with self._worker() as engine:
            return await engine.align(job)

    async def release(self, job: ReleaseJob) -> None:
        self._leases.release(job.state_ids)
        await self._let_go(job.state_ids)

    def _starting(self, start: Start) -> Callable[[], Awaitable[Engine]]:
        async def started() -> Engine:
            self._engine = await start()
            self._free = asyncio.Semaphore(self._engine.info.workers)
            return self._engine

        return started

    def _wake(self) -> None:
        self._replacing = asyncio.ensure_future(self._supervisor.replace())

    @contextlib.asynccontextmanager
    async def _worker(self) -> AsyncGenerator[Engine, None]:
        """The engine, once it has a worker free: several gateways share it."""
        async with self._free:
            engine = self._supervisor.engine
            if engine is None:
                raise EngineDied("the engine died, and another is being started")
            try:
                yield engine
            except EngineDied as exc:
                self._supervisor.lose(engine, exc)
                raise

    async def _let_go(self, state_ids: tuple[int, ...]) -> None:
        engine = self._supervisor.engine
        if engine is not None and state_ids:
            with contextlib.suppress(EngineDied):  # and its encoder states with it
                await engine.release(ReleaseJob(state_ids))
        if not self._leases.n_states:
            self._drained.set()


def see_gpus(visible: str | None) -> None:
    """Let this process and its engine use the GPUs that were reserved for it."""
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible

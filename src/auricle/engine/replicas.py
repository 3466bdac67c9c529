"""Several engines with the same model as one: jobs go to whoever holds their windows.

Knows nothing about processes, devices or machines. Engines may join and leave. When one of them
dies the whole dies, because whoever uses an engine takes its encoder states for lost then; all of
them are started again, or found again where they are still there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    DecodeRow,
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

_Item = TypeVar("_Item")


class MeasuredEngine(Engine, Protocol):
    """An engine that can say what memory its processes take; None where that is unknown."""

    def memory_bytes(self) -> int | None: ...


class _Member:
    """One of the engines, and what it does."""

    def __init__(self, engine: MeasuredEngine) -> None:
        self.engine = engine
        self.free = asyncio.Semaphore(engine.info.workers)
        self.n_jobs = 0
        self.is_leaving = False

    @property
    def load(self) -> float:
        return self.n_jobs / self.engine.info.workers


class Replicas:
    """An `Engine` of several. Windows are encoded by the least busy one and stay with it; a batch
    whose windows are with several is decoded in as many parts."""

    def __init__(self, engines: Sequence[MeasuredEngine]) -> None:
        self._members = [_Member(engine) for engine in engines]
        self._homes: dict[int, _Member] = {}
        self._closing: asyncio.Task[None] | None = None
        self.info = self._info(engines[0].info)

    @classmethod
    async def start(cls, starters: Sequence[Callable[[], Awaitable[MeasuredEngine]]]) -> Replicas:
        """Start all at once. If one cannot, the others are closed and its error is raised."""
        tasks = [asyncio.ensure_future(start()) for start in starters]
        try:
            return cls(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for engine in ended:
                if not isinstance(engine, BaseException):
                    await engine.close()
            raise

    def join(self, engine: MeasuredEngine) -> None:
        """One more takes part from now on."""
        self._members.append(_Member(engine))
        self.info = self._info(self.info)

    async def leave(self, engine: MeasuredEngine) -> bool:
        """One takes in no more windows, and is closed once it has none. False: it is the last one,
        and stays."""
        staying = [each for each in self._members if not each.is_leaving]
        if [each.engine for each in staying] == [engine]:
            return False
        for member in self._members:
            if member.engine is engine:
                member.is_leaving = True
        self.info = self._info(self.info)
        await self._let_go()
        return True

    async def encode(self, job: EncodeJob) -> None:
        staying = [each for each in self._members if not each.is_leaving]
        home = min(staying, key=lambda each: each.load)
        async with self._worker(home) as engine:
            await engine.encode(job)
        self._homes.update((row.state_id, home) for row in job.rows)

    async def detect_language(self, job: DetectJob) -> Detected:
        async with self._worker(self._homes[job.state_id]) as engine:
            return await engine.detect_language(job)

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        parts: dict[_Member, list[DecodeRow]] = {}
        for row in job.rows:
            if row.state_id in self._homes:  # else it was released
                parts.setdefault(self._homes[row.state_id], []).append(row)
        replies = [self._decode_part(home, job, rows) for home, rows in parts.items()]
        async with contextlib.aclosing(_merged(replies)) as merged:
            async for reply in merged:
                yield reply

    async def align(self, job: AlignJob) -> Aligned:
        async with self._worker(self._homes[job.state_id]) as engine:
            return await engine.align(job)

    async def release(self, job: ReleaseJob) -> None:
        parts: dict[_Member, list[int]] = {}
        for state_id in job.state_ids:
            home = self._homes.pop(state_id, None)
            if home is not None:
                parts.setdefault(home, []).append(state_id)
        for home, state_ids in parts.items():
            await home.engine.release(ReleaseJob(tuple(state_ids)))
        await self._let_go()

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_all(), name="close replicas")
        await asyncio.shield(self._closing)

    def memory_bytes(self) -> int | None:
        sizes = [each.engine.memory_bytes() for each in self._members]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    def _info(self, like: ModelInfo) -> ModelInfo:
        """What all that take in windows can do together."""
        staying = [each for each in self._members if not each.is_leaving]
        workers = sum(each.engine.info.workers for each in staying)
        return msgspec.structs.replace(like, workers=workers)

    async def _let_go(self) -> None:
        """Close those that leave and have nothing left."""
        busy = set(self._homes.values())
        gone = [each for each in self._members if each.is_leaving and not each.n_jobs]
        for member in [each for each in gone if each not in busy]:
            self._members.remove(member)
            await member.engine.close()

    async def _decode_part(
        self, home: _Member, job: DecodeJob, rows: list[DecodeRow]
    ) -> AsyncGenerator[Tokens | Hypothesis, None]:
        part = msgspec.structs.replace(job, rows=tuple(rows))
        async with self._worker(home) as engine:
            async for reply in engine.decode(part):
                yield reply

    @contextlib.asynccontextmanager
    async def _worker(self, home: _Member) -> AsyncIterator[MeasuredEngine]:
        """One of the engines, once it has a worker free."""
        home.n_jobs += 1
        try:
            async with home.free:
                yield home.engine
        except EngineDied:
            await self.close()
            raise
        finally:
            home.n_jobs -= 1

    async def _close_all(self) -> None:
        await asyncio.gather(*(each.engine.close() for each in self._members))


async def _merged(sources: Sequence[AsyncIterator[_Item]]) -> AsyncGenerator[_Item, None]:
    """What all of them give, as it comes. The first error ends it, once all have ended."""
    items: asyncio.Queue[_Item | None] = asyncio.Queue()

    async def take(source: AsyncIterator[_Item]) -> None:
        try:
            async for item in source:
                items.put_nowait(item)
        finally:
            items.put_nowait(None)

    tasks = [asyncio.create_task(take(source)) for source in sources]
    try:
        n_open = len(tasks)
        while n_open:
            item = await items.get()
            if item is None:
                n_open -= 1
            else:
                yield item
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""Several engines with the same model as one: jobs go to whoever holds their windows.

Knows nothing about processes or devices. When one of them dies the whole dies, because whoever
uses an engine takes its encoder states for lost then; all of them are started again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from auricle.engine.protocol import (
    Decoded,
    DecodeJob,
    DecodeRow,
    Encoded,
    EncodeJob,
    Engine,
    EngineDied,
    ReleaseJob,
    WindowText,
)

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


class MeasuredEngine(Engine, Protocol):
    """An engine that can say what memory its processes take; None where that is unknown."""

    def memory_bytes(self) -> int | None: ...


class Replicas:
    """An `Engine` of several. Windows are encoded by the least busy one and stay with it; a batch
    whose windows are with several is decoded in as many parts."""

    def __init__(self, engines: Sequence[MeasuredEngine]) -> None:
        workers = sum(engine.info.workers for engine in engines)
        self.info = msgspec.structs.replace(engines[0].info, workers=workers)
        self._engines = tuple(engines)
        self._free = tuple(asyncio.Semaphore(engine.info.workers) for engine in engines)
        self._jobs = [0] * len(engines)
        self._homes: dict[int, int] = {}
        self._closing: asyncio.Task[None] | None = None

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

    async def encode(self, job: EncodeJob) -> Encoded:
        home = min(range(len(self._engines)), key=self._load)
        encoded = await self._run(home, self._engines[home].encode, job)
        self._homes.update((row.window_id, home) for row in job.rows)
        return encoded

    async def decode(self, job: DecodeJob) -> Decoded:
        parts: dict[int, list[DecodeRow]] = {}
        for row in job.rows:
            parts.setdefault(self._homes[row.window_id], []).append(row)
        answers = await asyncio.gather(
            *(self._decode_part(home, job, rows) for home, rows in parts.items()),
            return_exceptions=True,
        )
        texts: dict[int, WindowText] = {}
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            texts.update(answer)
        return Decoded(tuple(texts[row.window_id] for row in job.rows))

    async def release(self, job: ReleaseJob) -> None:
        parts: dict[int, list[int]] = {}
        for window_id in job.window_ids:
            home = self._homes.pop(window_id, None)
            if home is not None:
                parts.setdefault(home, []).append(window_id)
        for home, window_ids in parts.items():
            await self._engines[home].release(ReleaseJob(tuple(window_ids)))

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_all(), name="close replicas")
        await asyncio.shield(self._closing)

    def memory_bytes(self) -> int | None:
        sizes = [engine.memory_bytes() for engine in self._engines]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    async def _decode_part(
        self, home: int, job: DecodeJob, rows: list[DecodeRow]
    ) -> dict[int, WindowText]:
        part = msgspec.structs.replace(job, rows=tuple(rows))
        answer = await self._run(home, self._engines[home].decode, part)
        return {row.window_id: text for row, text in zip(rows, answer.windows, strict=True)}

    async def _run(
        self, home: int, run: Callable[[_Job], Awaitable[_Result]], job: _Job
    ) -> _Result:
        """A job on one engine, once that has a worker for it."""
        self._jobs[home] += 1
        try:
            async with self._free[home]:
                return await run(job)
        except EngineDied:
            await self.close()
            raise
        finally:
            self._jobs[home] -= 1

    def _load(self, home: int) -> float:
        return self._jobs[home] / self._engines[home].info.workers

    async def _close_all(self) -> None:
        await asyncio.gather(*(engine.close() for engine in self._engines))

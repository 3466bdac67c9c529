"""An engine on another machine, as the queue of this one knows engines.

Knows nothing about how what it says gets there.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Protocol, TypeVar

import msgspec

from auricle.cluster import leases
from auricle.cluster.host import Offer
from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    DecodeRow,
    Detected,
    DetectJob,
    EncodeJob,
    EncodeRow,
    EngineDied,
    Hypothesis,
    ReleaseJob,
    Tokens,
)

_Row = TypeVar("_Row", EncodeRow, DecodeRow)


class Host(Protocol):
    """An `EngineHost`, wherever it is. Calls raise `EngineDied` where it is gone; `end` never
    raises."""

    async def offer(self, session: int, backlog_s: float) -> Offer | None: ...

    async def encode(self, job: EncodeJob) -> None: ...

    async def detect_language(self, job: DetectJob) -> Detected: ...

    def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]: ...

    async def align(self, job: AlignJob) -> Aligned: ...

    async def release(self, job: ReleaseJob) -> None: ...

    async def end(self, session: int) -> None: ...


class RemoteEngine:
    """An `Engine`: a session of this gateway at a host. Closing it ends the session alone."""

    def __init__(self, host: Host, session: int, offer: Offer) -> None:
        self.info = offer.info
        self.offer = offer
        """What it takes, as it said last."""
        self.died = False
        """It, or its host, ended, and nobody had closed it."""
        self._host = host
        self._session = session

    async def encode(self, job: EncodeJob) -> None:
        with self._noticed():
            await self._host.encode(msgspec.structs.replace(job, rows=self._shared(job.rows)))

    async def detect_language(self, job: DetectJob) -> Detected:
        state_id = self._state(job.state_id)
        with self._noticed():
            return await self._host.detect_language(msgspec.structs.replace(job, state_id=state_id))

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        shared = msgspec.structs.replace(job, rows=self._shared(job.rows))
        with self._noticed():
            async for reply in self._host.decode(shared):
                yield msgspec.structs.replace(reply, state_id=leases.own(reply.state_id))

    async def align(self, job: AlignJob) -> Aligned:
        state_id = self._state(job.state_id)
        with self._noticed():
            return await self._host.align(msgspec.structs.replace(job, state_id=state_id))

    async def release(self, job: ReleaseJob) -> None:
        await self._host.release(ReleaseJob(tuple(self._state(each) for each in job.state_ids)))

    async def close(self) -> None:
        await self._host.end(self._session)

    def memory_bytes(self) -> int | None:
        return self.offer.memory_bytes

    @contextlib.contextmanager
    def _noticed(self) -> Iterator[None]:
        try:
            yield
        except EngineDied:
            self.died = True
            raise

    def _state(self, state_id: int) -> int:
        return leases.shared(self._session, state_id)

    def _shared(self, rows: Iterable[_Row]) -> tuple[_Row, ...]:
        return tuple(
            msgspec.structs.replace(row, state_id=self._state(row.state_id)) for row in rows
        )

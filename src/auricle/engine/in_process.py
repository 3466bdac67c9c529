"""An engine in threads of this process: the other implementation of `Engine`.

Knows nothing about scheduling. For tests and single runs: it saves the start of a process, but a
crash takes everything with it, its memory does not go back to the system, and the allocator is
not told to keep freed memory (see `machine`), which makes the encoder slower.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from auricle.decoding.network import NetworkFailed
from auricle.engine.loading import load
from auricle.engine.model import CTRANSLATE2, Library, Loading, Model
from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    Detected,
    DetectJob,
    EncodeJob,
    EngineDied,
    Hypothesis,
    ReleaseJob,
    Tokens,
)
from auricle.rpc.wire import Failure

_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")


class InProcessEngine:
    """An `Engine` whose jobs run in a pool of threads. Create with `start`."""

    def __init__(self, model: Model) -> None:
        self.info = model.info
        self.died = False
        """What it computed was no number."""
        self._model: Model | None = model
        self._pool = ThreadPoolExecutor(model.info.workers, "engine")

    @classmethod
    async def start(
        cls,
        path: Path,
        *,
        device: str,
        compute_type: str = "auto",
        threads: int = 0,
        library: Library = CTRANSLATE2,
    ) -> InProcessEngine:
        """Load the checkpoint folder. Raises `ModelUnusable` when it cannot be."""
        how = Loading(device, compute_type, threads, library)
        return cls(await asyncio.to_thread(load, path, how))

    async def encode(self, job: EncodeJob) -> None:
        await self._run(self._loaded().encode, job)

    async def detect_language(self, job: DetectJob) -> Detected:
        return await self._run(self._loaded().detect_language, job)

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        model = self._loaded()
        for hypothesis in await self._run(lambda job: list(model.decode(job)), job):
            yield hypothesis

    async def align(self, job: AlignJob) -> Aligned:
        return await self._run(self._loaded().align, job)

    async def release(self, job: ReleaseJob) -> None:
        self._loaded().release(job.state_ids)

    async def close(self) -> None:
        """Wait for running jobs, which nothing can interrupt, and let go of the weights."""
        self._model = None
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def memory_bytes(self) -> int | None:
        """Unknown: the process has other things in memory, too."""
        return None

    def _loaded(self) -> Model:
        if self._model is None:
            raise EngineDied("the engine is closed")
        return self._model

    async def _run(self, run: Callable[[_Job], _Answer], job: _Job) -> _Answer:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, run, job)
        except NetworkFailed as exc:
            self.died, self._model = True, None
            raise EngineDied(str(exc)) from exc
        except Exception as exc:  # as an engine process does: the caller knows Auricle's errors
            raise Failure.of(exc).raised() from exc

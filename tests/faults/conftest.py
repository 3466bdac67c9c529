"""A server on real weights whose engine can be held, killed or frozen at the job a test names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import pytest_asyncio

from auricle.engine.process import EngineProcess
from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    Detected,
    DetectJob,
    EncodeJob,
    Hypothesis,
    ReleaseJob,
    Tokens,
)
from auricle.models.checkpoint import Checkpoint
from auricle.runtime import Runtime
from tests.audio_files import SAMPLES, read_wav, wav
from tests.server.conftest import Served, serving, settings
from tests.waiting import until

PATH = "/v1/audio/transcriptions"
SPEECH = read_wav(SAMPLES / "jfk.wav")
CLIP = wav(SPEECH[:35_000])
LOOK_EVERY_S = 0.05
"""How often the watchdog looks at a process that is frozen for certain."""

Job = EncodeJob | DecodeJob


class TouchedEngine:
    """An engine process whose jobs pass through `Faults`."""

    def __init__(self, inner: EngineProcess, faults: Faults) -> None:
        self.inner = inner
        self.info = inner.info
        self._faults = faults

    async def encode(self, job: EncodeJob) -> None:
        async with self._touched(job):
            await self.inner.encode(job)

    async def detect_language(self, job: DetectJob) -> Detected:
        return await self.inner.detect_language(job)

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        async with self._touched(job):
            async for reply in self.inner.decode(job):
                yield reply

    async def align(self, job: AlignJob) -> Aligned:
        return await self.inner.align(job)

    @contextlib.asynccontextmanager
    async def _touched(self, job: Job) -> AsyncIterator[None]:
        await self._faults.before(job)
        loop = asyncio.get_running_loop()
        loop.call_soon(self._faults.during, job, self.inner.pid)  # it is on its way then
        yield

    async def release(self, job: ReleaseJob) -> None:
        await self.inner.release(job)

    async def close(self) -> None:
        await self.inner.close()

    def memory_bytes(self) -> int | None:
        return self.inner.memory_bytes()


class Faults:
    """What happens to jobs: ``held`` kinds wait for ``gate``; ``send`` goes to the process that has
    the ``at``-th job of kind ``on``; a window that starts with ``poison`` kills every process."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.is_frozen = asyncio.Event()
        self.held: type[Job] | None = None
        self.is_holding = asyncio.Event()
        self.gate = asyncio.Event()
        self.on: type[Job] | None = None
        self.at = 0
        self.send: signal.Signals = signal.SIGKILL
        self.poison: float | None = None
        self._poisoned: set[int] = set()
        self._n_jobs = 0

    async def before(self, job: Job) -> None:
        if self.held is not None and isinstance(job, self.held):
            self.is_holding.set()
            await self.gate.wait()

    def during(self, job: Job, pid: int) -> None:
        if self.on is not None and isinstance(job, self.on):
            self._n_jobs += 1
            if self._n_jobs == self.at:
                os.kill(pid, self.send)
                if self.send == signal.SIGSTOP:
                    self.is_frozen.set()
        if self.poison is not None and self._is_poisoned(job):
            os.kill(pid, signal.SIGKILL)

    async def sleep(self, seconds: float) -> None:
        """For the watchdog: as in production, but short once the process is frozen."""
        try:
            async with asyncio.timeout(seconds):
                await self.is_frozen.wait()
        except TimeoutError:
            return
        await asyncio.sleep(LOOK_EVERY_S)

    def _is_poisoned(self, job: Job) -> bool:
        if isinstance(job, EncodeJob):
            for row in job.rows:
                if np.frombuffer(row.pcm, "<f4")[0] == self.poison:
                    self._poisoned.add(row.state_id)
            return False
        return any(row.state_id in self._poisoned for row in job.rows)


class FaultyRuntime(Runtime):
    faults: Faults
    n_engines: int

    async def start_engine(self, checkpoint: Checkpoint) -> TouchedEngine:
        self.faults.is_frozen.clear()
        inner = await EngineProcess.start(checkpoint.path, device="cpu", sleep=self.faults.sleep)
        self.n_engines += 1
        return TouchedEngine(inner, self.faults)


class Target:
    """The server, what goes wrong with it, and a client. ``alone``: what it hears in `CLIP`."""

    alone: str

    def __init__(self, served: Served, runtime: FaultyRuntime) -> None:
        self.url = served.url
        self.address = served.address
        self.runtime = runtime
        self.faults = runtime.faults
        self._served = served

    def http(self) -> httpx2.AsyncClient:
        return self._served.http()

    async def post(self, audio: bytes, **fields: str) -> httpx2.Response:
        data = {"model": "whisper-1", "beam_size": "1", **fields}
        async with self.http() as http:
            return await http.post(PATH, files={"file": audio}, data=data)

    async def text(self, audio: bytes, **fields: str) -> str:
        answer = await self.post(audio, **fields)
        assert answer.status_code == 200, answer.text
        text: str = answer.json()["text"]
        return text

    @property
    def n_windows(self) -> int:
        """Windows waiting or being read, of all models."""
        return sum(model.reader.queue.n_windows for model in self.runtime._models.loaded)

    async def quiet(self) -> None:
        """Return once nothing is left of any request."""
        decoders = self.runtime._decoders
        await until(lambda: self.n_windows == 0 and not decoders._lent)
        await until(lambda: not uploads())


def uploads() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("auricle-*.upload"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _target() -> AsyncIterator[Target]:
    runtime = FaultyRuntime(settings(model="tiny.en", max_upload_mb=64, max_audio_s=600))
    runtime.faults = Faults()
    runtime.n_engines = 0
    fake: Any = runtime  # `serving` is written for the fake; the real one has all it needs
    async with serving(fake) as served:
        await runtime.settled()
        assert runtime.state == "ready", runtime.failure
        target = Target(served, runtime)
        target.alone = await target.text(CLIP)
        yield target


@pytest.fixture
def target(_target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _target.faults.reset()
    return _target

"""An engine in a child process: the parent's side.

Knows nothing about scheduling. Unloading a model is closing its process, so its memory really
goes back to the system.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import TypeVar

from auricle.engine import machine
from auricle.engine.messages import EngineReply, EngineRequest, Hardware, Load, Ping, Probe
from auricle.engine.model import CTRANSLATE2, Library, Loading
from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    Detected,
    DetectJob,
    Encoded,
    EncodeJob,
    EngineDied,
    Hypothesis,
    ModelInfo,
    ReleaseJob,
    Stepped,
    Tokens,
)
from auricle.rpc import loading
from auricle.rpc.child import Child, ChildDied
from auricle.rpc.watchdog import Sleep, Watchdog

LOAD_MAX_S = 900.0
"""How long loading may take: the largest model from a slow disk, and a GPU's first start."""

_Answer = TypeVar("_Answer")


class EngineProcess:
    """An `Engine` whose jobs run in a process of their own. Create with `start`."""

    def __init__(
        self,
        child: Child[EngineRequest, EngineReply],
        info: ModelInfo,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._child = child
        self._watchdog = Watchdog(self, sleep)
        self.info = info
        self.died = False
        """It ended, and nobody had closed it."""

    @classmethod
    async def start(
        cls,
        path: Path,
        *,
        device: str,
        compute_type: str = "auto",
        threads: int = 0,
        library: Library = CTRANSLATE2,
        sleep: Sleep = asyncio.sleep,
    ) -> EngineProcess:
        """Spawn the process and load the checkpoint folder. ``device`` is ``cpu``, ``cuda``, or
        ``cuda:1`` for one of several GPUs; ``sleep`` is the watchdog's.

        Raises:
            LoadingFailed: the process died loading the folder (out of memory, most likely, or for
                want of an instruction), or never ended loading it.
            ModelUnusable: the folder cannot be loaded.
        """
        kind, _, index = device.partition(":")
        child = await _spawn(one_gpu(index) if index else {})
        request = _load(path, Loading(kind, compute_type, threads, library))
        info = await loading.load(child, request, path, LOAD_MAX_S)
        assert isinstance(info, ModelInfo)
        return cls(child, info, sleep)

    @property
    def pid(self) -> int:
        return self._child.pid

    async def encode(self, job: EncodeJob) -> None:
        with self._watchdog.job("encode", len(job.rows) * job.n_frames):
            await self._run(job, Encoded)

    async def detect_language(self, job: DetectJob) -> Detected:
        with self._watchdog.job("detect", 1):
            return await self._run(job, Detected)

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        size = len(job.rows) * job.beam_size * job.max_new_tokens
        with self._watchdog.job("decode", size) as watched:
            try:
                async with self._child.stream(job) as replies:
                    async for reply in replies:
                        if isinstance(reply, Stepped | Tokens):
                            watched.stepped()
                        if isinstance(reply, Tokens | Hypothesis):
                            yield reply
            except ChildDied as exc:
                raise self._dead(exc) from exc

    async def align(self, job: AlignJob) -> Aligned:
        with self._watchdog.job("align", job.n_frames):
            return await self._run(job, Aligned)

    async def release(self, job: ReleaseJob) -> None:
        await self._run(job, object)

    async def ping(self) -> None:
        """Return once the process has shown that it runs, or has ended. For its watchdog."""
        with contextlib.suppress(ChildDied):
            await self._child.call(Ping())

    def kill(self, reason: str) -> None:
        """End the process at once; its jobs raise `EngineDied`. For its watchdog."""
        self._child.kill(reason)

    async def close(self) -> None:
        await self._child.close()

    def memory_bytes(self) -> int | None:
        """What the process takes now; None where the system does not tell."""
        return resident_bytes(self.pid)

    def cpu_s(self) -> float | None:
        """Processor time the process took so far; None where the system does not tell."""
        return cpu_s(self.pid)

    async def _run(self, job: EngineRequest, kind: type[_Answer]) -> _Answer:
        try:
            reply = await self._child.call(job)
        except ChildDied as exc:
            raise self._dead(exc) from exc
        assert isinstance(reply, kind)
        return reply

    def _dead(self, exc: ChildDied) -> EngineDied:
        self.died = True
        return EngineDied(str(exc))


def _load(path: Path, how: Loading) -> Load:
    graphs = how.library.graphs
    return Load(
        os.fsencode(path),
        how.device,
        how.compute_type,
        how.threads,
        how.library.name,
        None if graphs is None else os.fsencode(graphs),
    )


async def probe() -> Hardware:
    """What CTranslate2 sees of this machine, asked in a process of its own: a broken GPU driver
    takes that process and not this one."""
    child = await _spawn()
    try:
        hardware = await child.call(Probe())
    finally:
        await child.close()
    assert isinstance(hardware, Hardware)
    return hardware


def one_gpu(index: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment in which a process sees one GPU alone: the one of that index among those
    that this process may use."""
    allowed = environ.get("CUDA_VISIBLE_DEVICES", "").replace(" ", "")
    names = dict(enumerate(allowed.split(",")))
    return {"CUDA_VISIBLE_DEVICES": names.get(int(index), "-1") if allowed else index}


def resident_bytes(pid: int) -> int | None:
    """Memory a process takes now; None where the system has no ``/proc``, or no such process."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float | None:
    """Processor time a process took so far, of all its threads; None where the system has no
    ``/proc``, or no such process."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    user, system = status.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def _spawn(variables: Mapping[str, str] | None = None) -> Child[EngineRequest, EngineReply]:
    return await Child.start(
        "auricle.engine.worker",
        reply_type=EngineReply,
        name="engine process",
        env={**machine.environment(), **(variables or {})},
    )

"""An engine in a child process: the parent's side.

Knows nothing about scheduling. Unloading a model is closing its process, so its memory really
goes back to the system.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from auricle.child import Child, ChildDied
from auricle.engine import machine
from auricle.engine.messages import EngineReply, EngineRequest, Hardware, Load, Probe
from auricle.engine.protocol import (
    Decoded,
    DecodeJob,
    Encoded,
    EncodeJob,
    EngineDied,
    ModelInfo,
    ReleaseJob,
)
from auricle.errors import ModelUnusable

_Answer = TypeVar("_Answer")


class EngineProcess:
    """An `Engine` whose jobs run in a process of their own. Create with `start`."""

    def __init__(self, child: Child[EngineRequest, EngineReply], info: ModelInfo) -> None:
        self._child = child
        self.info = info

    @classmethod
    async def start(
        cls, path: Path, *, device: str, compute_type: str = "auto", threads: int = 0
    ) -> EngineProcess:
        """Spawn the process and load the checkpoint folder. ``device`` is ``cpu``, ``cuda``, or
        ``cuda:1`` for one of several GPUs.

        Raises:
            ModelUnusable: the folder cannot be loaded, or the process died loading it
                (out of memory, most likely).
        """
        kind, _, index = device.partition(":")
        child = await _spawn(one_gpu(index) if index else {})
        try:
            info = await child.call(Load(str(path), kind, compute_type, threads))
        except ChildDied as exc:
            raise ModelUnusable(f"the engine process died while loading {path}: {exc}") from exc
        except BaseException:
            child.kill()
            raise
        assert isinstance(info, ModelInfo)
        return cls(child, info)

    @property
    def pid(self) -> int:
        return self._child.pid

    async def encode(self, job: EncodeJob) -> Encoded:
        return await self._run(job, Encoded)

    async def decode(self, job: DecodeJob) -> Decoded:
        return await self._run(job, Decoded)

    async def release(self, job: ReleaseJob) -> None:
        await self._run(job, object)

    async def close(self) -> None:
        await self._child.close()

    def memory_bytes(self) -> int | None:
        """What the process takes now; None where the system does not tell."""
        return resident_bytes(self.pid)

    async def _run(self, job: EngineRequest, kind: type[_Answer]) -> _Answer:
        try:
            reply = await self._child.call(job)
        except ChildDied as exc:
            raise EngineDied(str(exc)) from exc
        assert isinstance(reply, kind)
        return reply


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


async def _spawn(variables: Mapping[str, str] | None = None) -> Child[EngineRequest, EngineReply]:
    return await Child.start(
        "auricle.engine.worker",
        reply_type=EngineReply,
        name="engine process",
        env={**machine.environment(), **(variables or {})},
    )

"""An engine process that ends, or may have no more memory, while it loads its model."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.engine.process import EngineProcess
from auricle.errors import ModelUnusable
from tests.faults.churn import children
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def leave_no_memory(pid: int) -> None:
    import resource  # noqa: PLC0415  # not on Windows

    resource.prlimit(pid, resource.RLIMIT_AS, (50_000_000, 50_000_000))


@pytest.mark.parametrize(
    ("harm", "how"),
    [(kill, "killed by SIGKILL"), (leave_no_memory, "exit code")],
    ids=["killed", "out of memory"],
)
async def test_the_model_is_unusable_and_the_reason_is_said(
    harm: Callable[[int], None], how: str, tmp_path: Path
):
    before = set(children(os.getpid()))
    starting = asyncio.create_task(EngineProcess.start(tmp_path, device="cpu"))
    await until(lambda: bool(set(children(os.getpid())) - before))
    (pid,) = set(children(os.getpid())) - before
    harm(pid)
    with pytest.raises(ModelUnusable) as caught:
        await starting
    assert f"the process died while loading {tmp_path.name}: engine process" in str(caught.value)
    assert how in str(caught.value)
    assert pid not in children(os.getpid())

"""The server that `tests.chaos.served` runs, with two paths of its own.

Knows nothing about what is done to it.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from auricle.server.serve import Server
from auricle.settings.config import load
from tests.chaos.stub import StubRuntime, counted
from tests.faults.churn import held
from tests.faults.watched import WatchedRuntime, announced
from tests.server.conftest import settings

HELD, CLOCK = "/chaos/held", "/chaos/clock"


class SetClock(Protocol):
    """What tells the time of day."""

    ahead_s: float


async def _held(_: Request) -> JSONResponse:
    gc.collect()
    own = {"tasks": len(asyncio.all_tasks()), "threads": threading.active_count()}
    return JSONResponse({**asdict(held(os.getpid())), **own})


async def serve(folder: Path, model: str, given: dict[str, str], clock: SetClock) -> None:
    """Serve until a signal."""

    async def set_clock(request: Request) -> JSONResponse:
        clock.ahead_s = float(request.query_params["ahead_s"])
        return JSONResponse({})

    named = load(given, {})
    wanted = {name: getattr(named, name) for name in given}
    if model != "stub":
        wanted["model"] = model
    chosen = settings(data_dir=folder / "jobs", **{"max_jobs": 500, "max_upload_mb": 64, **wanted})
    runtime = StubRuntime(chosen, folder) if model == "stub" else WatchedRuntime(chosen)
    kept = os.open(folder / "kept", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    runtime.watch = functools.partial(counted, kept)
    server = Server(chosen, runtime)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    app: Any = server._uvicorn.config.app
    app.router.routes[:0] = [Route(HELD, _held), Route(CLOCK, set_clock, methods=["POST"])]
    await announced(server, runtime)

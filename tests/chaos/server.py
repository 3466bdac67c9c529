"""The server under test, as the soak sees it: an address, a process with children, what it holds.

Knows nothing about who asks it what.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.chaos.population import Population, WrongAnswer
from tests.faults.churn import children
from tests.rules.source import ROOT
from tests.server.conftest import CLIENT_MAX_S, NO_TLS

STOP_S = 60.0
SETTLE_S = 30.0
"""How long a server may take until nothing is left of those who have gone."""

SLACK = {"open_files": 4, "threads": 10, "tasks": 1, "processes": 0, "uploads": 0}
"""By how much more it may hold then: kept connections, threads of pools."""


@dataclass
class Running:
    """One life of a server."""

    process: Process
    url: str
    http: httpx2.AsyncClient
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    async def held(self) -> dict[str, int]:
        found: dict[str, int] = (await self.http.get("/chaos/held")).json()
        return found

    async def set_clock(self, ahead_s: float) -> None:
        (await self.http.post(f"/chaos/clock?ahead_s={ahead_s}")).raise_for_status()

    def hurt(self, rng: random.Random) -> str:
        """Kill a child at random; what it was."""
        found = children(self.pid)
        if not found:
            return "nobody"
        pid = rng.choice(found)
        kind = _kind(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return kind

    async def nothing_left(self, before: Mapping[str, int]) -> dict[str, int]:
        """What it holds once clients are gone. Raises `WrongAnswer` if that is more than before."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + SETTLE_S
        while True:
            now = await self.held()
            more = {name: now[name] for name, n in SLACK.items() if now[name] > before[name] + n}
            if not more:
                return now
            if loop.time() > until_s:
                raise WrongAnswer(f"more is held than before: {more} of {dict(before)}")
            await asyncio.sleep(0.2)

    async def stop(self) -> None:
        """Ask it to stop. Raises `WrongAnswer` unless it ends, and well."""
        self.process.terminate()
        try:
            code = await asyncio.wait_for(self.process.wait(), STOP_S)
        except TimeoutError as exc:
            raise WrongAnswer("the server did not end") from exc
        if code != 0:
            raise WrongAnswer(f"the server ended with {code}")

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    def bugs(self) -> list[str]:
        """Lines of its log that say nobody foresaw something."""
        lines = self.log.read_text(errors="replace").splitlines()
        words = ("a bug", "Traceback", "never retrieved", "was never awaited", "RuntimeWarning")
        return [line for line in lines if any(word in line for word in words)]


def _kind(pid: int) -> str:
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        modules = [each.decode() for each in command if each.startswith(b"auricle.")]
        return modules[0] if modules else "other"
    return "gone"


@contextlib.asynccontextmanager
async def started(folder: Path, model: str, **given: Any) -> AsyncIterator[Running]:
    """A server; killed at the end if it still runs."""
    os.makedirs(folder, exist_ok=True)
    log = folder / "log"
    pairs = [f"{name}={value}" for name, value in given.items()]
    command = (sys.executable, "-m", "tests.chaos.served", str(folder), model, *pairs)
    env = {**os.environ, "TMPDIR": str(folder)}
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=PIPE, stderr=errors, cwd=ROOT, env=env
        )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    if not url:
        raise WrongAnswer(f"the server did not start: {log.read_text()[-2000:]}")
    async with httpx2.AsyncClient(base_url=url, verify=NO_TLS, timeout=CLIENT_MAX_S) as http:
        running = Running(process, url, http, log)
        try:
            yield running
        finally:
            await running.kill()


@contextlib.asynccontextmanager
async def populated(
    running: Running, clips: list[Any], *, live: bool, **fields: str
) -> AsyncIterator[Population]:
    """Clients that know what is right."""
    population = Population(running.url, clips, {"language": "en", **fields})
    try:
        await population.listen_alone(live=live)
        yield population
    finally:
        await population.aclose()


def shown(counts: Mapping[str, int]) -> str:
    return json.dumps(dict(sorted(counts.items())))

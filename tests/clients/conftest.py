"""Servers with and without a model, and programs that are run against them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import english
from tests.server.conftest import served, shared

__all__ = ["english", "served", "shared"]

CLIENTS = Path(__file__).parents[2] / "clients"


@dataclass(frozen=True)
class Ended:
    """How a program ended and what it wrote."""

    status: int
    output: str
    complaint: str


Run = Callable[..., Awaitable[Ended]]


@pytest.fixture
def run() -> Run:
    """Run a program of `CLIENTS` against a server, while the server's loop goes on."""

    async def run(
        *command: str | Path, url: str, given: bytes | None = None, **environment: str
    ) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=CLIENTS,
            env={**os.environ, "AURICLE_URL": url, **environment},
            stdin=asyncio.subprocess.PIPE if given is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, complaint = await process.communicate(given)
        return Ended(process.returncode or 0, output.decode(), complaint.decode())

    return run

"""Real servers on real weights, one for each model, started once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
import pytest_asyncio

from auricle.engine.process import EngineProcess
from auricle.engine.replicas import MeasuredEngine
from auricle.models.checkpoint import Checkpoint
from auricle.runtime import Runtime
from tests.server.conftest import Served, serving, settings


class WatchedRuntime(Runtime):
    """Remembers its engines, so that a test can look at their processes."""

    engines: list[EngineProcess]

    async def start_engine(self, checkpoint: Checkpoint) -> MeasuredEngine:
        engine = await super().start_engine(checkpoint)
        if isinstance(engine, EngineProcess):
            self.__dict__.setdefault("engines", []).append(engine)
        return engine


@dataclass(frozen=True)
class Real:
    """A server on loopback with a real model."""

    served: Served
    runtime: WatchedRuntime

    def client(self) -> openai.OpenAI:
        return self.served.client()

    def async_client(self) -> openai.AsyncOpenAI:
        return self.served.async_client()

    def http(self) -> httpx2.AsyncClient:
        return self.served.http()


async def _serving(model: str) -> AsyncIterator[Real]:
    runtime = WatchedRuntime(settings(model=model, max_upload_mb=64, max_audio_s=600))
    fake: Any = runtime  # `serving` is written for the fake; the real one has all it needs
    async with serving(fake) as served:
        await runtime.settled()
        assert runtime.state == "ready", runtime.failure
        yield Real(served, runtime)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def english() -> AsyncIterator[Real]:
    """tiny.en: quick, English only."""
    async for real in _serving("tiny.en"):
        yield real


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def multilingual() -> AsyncIterator[Real]:
    """base: 99 languages, and translation."""
    async for real in _serving("base"):
        yield real

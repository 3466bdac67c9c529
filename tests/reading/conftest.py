"""Real weights behind a queue, loaded once for all tests here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio

from auricle.engine.process import EngineProcess
from auricle.models.fetch import locate
from auricle.queue.queue import Queue
from auricle.reading.jobs import batch_cost
from auricle.reading.model import ReadingModel
from auricle.settings.config import Settings


@asynccontextmanager
async def _loaded(name: str) -> AsyncIterator[ReadingModel]:
    checkpoint = locate(name, Settings())

    async def start() -> EngineProcess:
        return await EngineProcess.start(checkpoint.path, device="cpu", threads=2)

    queue = Queue(start, batch_cost=batch_cost(8))
    await queue.start()
    yield ReadingModel(queue, checkpoint.vocabulary, checkpoint.margin_s, checkpoint.late_s)
    await queue.close()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def tiny() -> AsyncIterator[ReadingModel]:
    """tiny.en: quick, English only."""
    async with _loaded("tiny.en") as model:
        yield model


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def base() -> AsyncIterator[ReadingModel]:
    """base: 99 languages, and translation."""
    async with _loaded("base") as model:
        yield model

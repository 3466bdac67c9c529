"""Real weights, loaded once for all tests here: in this process, and in processes of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from auricle.engine.ct2 import Whisper
from auricle.engine.process import EngineProcess
from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.whisper.vocabulary import Vocabulary


async def started(name: str) -> EngineProcess:
    return await EngineProcess.start(locate(name, Settings()).path, device="cpu", threads=2)


@pytest.fixture(scope="package")
def tiny() -> Whisper:
    return Whisper(locate("tiny.en", Settings()).path, "cpu", "auto", 2)


@pytest.fixture(scope="package")
def tiny_vocabulary() -> Vocabulary:
    return locate("tiny.en", Settings()).vocabulary


@pytest.fixture(scope="package")
def base_vocabulary() -> Vocabulary:
    return locate("base", Settings()).vocabulary


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def tiny_engine() -> AsyncIterator[EngineProcess]:
    """tiny.en: quick, English only."""
    engine = await started("tiny.en")
    yield engine
    await engine.close()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def base_engine() -> AsyncIterator[EngineProcess]:
    """base: 99 languages, and translation."""
    engine = await started("base")
    yield engine
    await engine.close()

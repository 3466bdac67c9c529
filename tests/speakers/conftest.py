"""The real networks in a process of their own, shared by all tests here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from auricle.speakers.process import SpeakerProcess
from tests.speakers import nets


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def process() -> AsyncIterator[SpeakerProcess]:
    process = await SpeakerProcess.start(nets.folder())
    yield process
    await process.close()

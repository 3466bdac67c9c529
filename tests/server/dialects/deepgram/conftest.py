"""One server without a model for all tests of Deepgram's sockets in a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.server.dialects.deepgram.sockets import Listening, listening


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_live() -> AsyncIterator[Listening]:
    async with listening() as found:
        yield found


@pytest.fixture
def live(shared_live: Listening) -> Listening:
    shared_live.runtime.reset()
    return shared_live

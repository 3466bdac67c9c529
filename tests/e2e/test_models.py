"""Several real models under one server: loaded, evicted, unloaded when idle, memory returned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
import pytest_asyncio

from auricle.engine.process import resident_bytes
from tests.audio_files import ENDING_WORDS, ending, words
from tests.e2e.conftest import Real, WatchedRuntime
from tests.server.conftest import serving, settings
from tests.waiting import until

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

ENDING = ("ending.wav", ending())


@asynccontextmanager
async def _real(**changes: object):
    runtime = WatchedRuntime(settings(**{"model": "tiny.en", **changes}))
    fake: Any = runtime  # `serving` is written for the fake; the real one has all it needs
    async with serving(fake) as served:
        await runtime.settled()
        assert runtime.state == "ready", runtime.failure
        yield Real(served, runtime)


async def _say(client: openai.AsyncOpenAI, model: str) -> str:
    answer = await client.audio.transcriptions.create(file=ENDING, model=model)
    return words(answer.text)


async def _states(client: openai.AsyncOpenAI) -> dict[str, str]:
    listed = [model.to_dict() async for model in client.models.list()]
    return {str(each["id"]): str(each["state"]) for each in listed if each["id"] == each["root"]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def roomy() -> AsyncIterator[Real]:
    """Room for both models."""
    async with _real() as real:
        yield real


async def test_two_models_answer_under_one_server(roomy: Real):
    """The one it was started with, and one that is loaded for those who ask first."""
    async with roomy.async_client() as client:
        texts = await asyncio.gather(
            *(_say(client, name) for name in ("whisper-1", "base", "base", "someone/whisper")),
            return_exceptions=True,
        )
        assert texts[:3] == [ENDING_WORDS] * 3
        assert isinstance(texts[3], openai.NotFoundError)  # nobody registered that one
        assert {"tiny.en": "ready", "base": "ready"}.items() <= (await _states(client)).items()
        assert len(roomy.runtime.engines) == 2  # two who asked for base at once: one load
        base = (await client.models.retrieve("base")).to_dict()
        size = base["memory_mb"]
        assert isinstance(size, int)
        assert size > 200
        assert (base["device"], base["queue"]) == ("cpu", {"requests": 0, "windows": 0})


async def test_unloading_returns_the_memory(roomy: Real):
    async with roomy.async_client() as client, roomy.http() as http:
        assert await _say(client, "whisper-1") == ENDING_WORDS
        pid = roomy.runtime.engines[0].pid
        assert resident_bytes(pid) is not None
        answer = await http.post("/v1/models/whisper-1/unload")
        assert (answer.status_code, answer.json()["state"]) == (200, "unloaded")
        assert resident_bytes(pid) is None  # the process is gone, and all its memory with it
        assert (await http.get("/health")).json()["ready"] is True


async def test_a_small_budget_holds_one_model_at_a_time():
    async with _real(memory_mb=700, pin_default=False) as real, real.async_client() as client:
        assert await _say(client, "base") == ENDING_WORDS
        assert real.runtime.loaded == ["base"]
        assert await _say(client, "whisper-1") == ENDING_WORDS
        assert real.runtime.loaded == ["tiny.en"]


async def test_an_idle_model_goes_by_itself_and_comes_back():
    async with _real(idle_unload_s=1) as real, real.async_client() as client:
        pid = real.runtime.engines[-1].pid
        await until(lambda: resident_bytes(pid) is None)
        assert (await _states(client))["tiny.en"] == "unloaded"
        assert await _say(client, "whisper-1") == ENDING_WORDS
        assert real.runtime.engines[-1].pid != pid


async def test_two_engines_behind_one_queue():
    """Both are pinned together: another model finds no room."""
    async with _real(replicas=2, memory_mb=700) as real, real.async_client() as client:
        texts = await asyncio.gather(*(_say(client, "whisper-1") for _ in range(4)))
        assert texts == [ENDING_WORDS] * 4
        with pytest.raises(openai.InternalServerError, match="memory budget of 700 MiB") as caught:
            await _say(client, "base")
        assert caught.value.status_code == 503
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert real.runtime.loaded == ["tiny.en"]

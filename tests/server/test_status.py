"""Probes and people see how the server is."""

from __future__ import annotations

import asyncio

import openai
import pytest

from auricle import __version__
from auricle.errors import DownloadFailed, Unavailable
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_server_answers_before_its_model_is_loaded() -> None:
    runtime = FakeRuntime(settings())
    runtime.hold.clear()
    async with serving(runtime) as served, served.http() as http:
        health = await http.get("/health")
        assert (health.status_code, health.headers["retry-after"]) == (503, "2")
        assert health.json() == {
            "status": "starting",
            "model": "base",
            "version": __version__,
            "ready": False,
        }
        async with served.async_client() as client:
            with pytest.raises(openai.InternalServerError) as caught:
                await client.audio.transcriptions.create(model="base", file=b"x" * 2_000_000)
        assert caught.value.status_code == 503
        assert caught.value.response.headers["retry-after"] == "2"
        runtime.hold.set()
        await runtime.started.wait()
        health = await http.get("/health")
        assert (health.status_code, health.json()) == (
            200,
            {
                "status": "ok",
                "model": "base",
                "version": __version__,
                "ready": True,
                "loaded": ["base"],
            },
        )
    assert runtime.stopped.is_set()


async def test_a_server_without_a_model_says_why() -> None:
    runtime = FakeRuntime(settings())
    runtime.failure = DownloadFailed("the hub did not answer")
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        health = await http.get("/health")
    assert (health.status_code, "retry-after" in health.headers) == (503, False)
    assert health.json() == {
        "status": "failed",
        "model": "base",
        "version": __version__,
        "ready": False,
        "reason": "the hub did not answer",
    }


async def test_stopping_while_the_model_loads_ends_the_loading() -> None:
    runtime = FakeRuntime(settings())
    runtime.hold.clear()
    async with serving(runtime):
        pass
    assert (runtime.stopped.is_set(), runtime.started.is_set()) == (True, False)


async def test_the_address_itself_says_what_is_there(served: Served) -> None:
    async with served.http() as http:
        answer = await http.get("/")
    assert answer.json() == {
        "service": "auricle",
        "version": __version__,
        "status": "ok",
        "model": "base",
        "endpoints": [
            "POST /v1/audio/transcriptions",
            "POST /v1/audio/translations",
            "POST /v1/audio/diarization",
            "POST /v1/listen",
            "GET /v1/models",
            "POST /v1/models/{id}/load",
            "POST /v1/models/{id}/unload",
            "POST /v1/models/{id}/download",
            "DELETE /v1/models/{id}/download",
            "GET /v1/downloads",
            "GET /v1/machine",
            "GET /v1/models/{id}",
            "GET /health",
            "GET /livez",
            "GET /readyz",
            "GET /",
            "GET /openapi.json",
            "GET /openapi.yaml",
            "GET /docs",
            "POST /v1/jobs",
            "GET /v1/jobs",
            "GET /v1/jobs/{id}/result",
            "POST /v1/jobs/{id}/cancel",
            "GET /v1/jobs/{id}",
            "DELETE /v1/jobs/{id}",
            "POST /v1/files",
            "GET /v1/files",
            "GET /v1/files/{id}/content",
            "GET /v1/files/{id}",
            "DELETE /v1/files/{id}",
            "POST /v1/batches",
            "GET /v1/batches",
            "POST /v1/batches/{id}/cancel",
            "GET /v1/batches/{id}",
            "POST /v1/realtime/client_secrets",
            "GET /metrics",
            "GET /v1/errors",
        ],
    }


async def test_probes_are_answered_while_work_is_under_way(served: Served) -> None:
    more = asyncio.Event()
    served.runtime.steps = (more,)
    async with served.http() as http:
        asking = asyncio.create_task(
            http.post("/v1/audio/transcriptions", data={"model": "base"}, files={"file": b"x"})
        )
        await served.runtime.opened.wait()
        assert (await http.get("/health")).status_code == 200
        more.set()
        assert (await asking).status_code == 200


async def test_a_process_that_answers_is_alive() -> None:
    runtime = FakeRuntime(settings(api_keys=("sk-one",)))
    runtime.hold.clear()
    async with serving(runtime) as served, served.http() as http:
        answer = await http.get("/livez")
        assert (answer.status_code, answer.text) == (200, "ok\n")
        assert (await http.get("/readyz")).status_code == 503


async def test_ready_is_who_has_read_a_second_of_audio() -> None:
    runtime = FakeRuntime(settings())
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        runtime.doubt = Unavailable("there is no engine now")
        doubted = await http.get("/readyz")
        runtime.doubt = None
        believed = await http.get("/readyz")
        again = await http.get("/readyz")
    assert (doubted.status_code, doubted.json()["reason"]) == (503, "there is no engine now")
    assert [believed.status_code, again.status_code, runtime.n_proofs] == [200, 200, 2]

"""A server that takes jobs, on a runtime without a model."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auricle.server.access.keys import ApiKeys
from auricle.telemetry.tracing import NULL_SPAN, Span
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

ENDED = ("completed", "failed", "cancelled")

Serve = Callable[..., AbstractAsyncContextManager["JobServer"]]


class JobServer:
    """A running server and a client of it."""

    def __init__(self, served: Served, http: httpx2.AsyncClient) -> None:
        self.served = served
        self.runtime = served.runtime
        self.http = http

    async def create(self, *, recording: bytes | None = b"RIFF speech", **fields: str) -> Any:
        """Make a job; what is answered."""
        files = None if recording is None else {"file": ("talk.wav", recording)}
        form = {"model": "whisper-1", **fields}
        if files is None:
            return await self.http.post("/v1/jobs", json=form)
        return await self.http.post("/v1/jobs", data=form, files=files)

    async def created(self, **fields: Any) -> str:
        """The id of a job that was made."""
        answer = await self.create(**fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def job(self, job_id: str) -> Any:
        return (await self.http.get(f"/v1/jobs/{job_id}")).json()

    async def ended(self, job_id: str) -> Any:
        """The job, once it has ended."""
        while (job := await self.job(job_id))["status"] not in ENDED:
            pass
        return job

    async def text(self, job_id: str) -> str:
        answer = await self.http.get(
            f"/v1/jobs/{job_id}/result", params={"response_format": "text"}
        )
        return answer.text


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Makes servers that keep their jobs in the same folder."""

    @contextlib.asynccontextmanager
    async def server(
        runtime: FakeRuntime | None = None,
        keys: ApiKeys | None = None,
        tracer: Span = NULL_SPAN,
        **more: object,
    ) -> AsyncIterator[JobServer]:
        given = {"data_dir": tmp_path / "data", "max_jobs": 100, "min_free_disk_mb": 0, **more}
        runtime = runtime or FakeRuntime(settings())
        runtime.settings = settings(**given)
        async with serving(runtime, keys=keys, tracer=tracer) as served, served.http() as http:
            await runtime.started.wait()
            yield JobServer(served, http)

    return server

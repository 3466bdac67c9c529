"""A server that is killed in the middle of a job, and the next one, which goes on where it was."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.audio_files import SAMPLES, read_wav, wav
from tests.rules.source import ROOT
from tests.server.conftest import NO_TLS

pytestmark = pytest.mark.model

SPEECH = read_wav(SAMPLES / "jfk.wav")
SILENCE = np.zeros(2 * 16_000, np.float32)
CLIPS = (SPEECH[:35_000], SPEECH[124_800:], SPEECH[:35_000])
TALK = wav(np.concatenate([part for clip in CLIPS for part in (clip, SILENCE)]))
N_KEPT = 1
FORM = {"model": "whisper-1", "response_format": "verbose_json"}
TIMES = {"timestamp_granularities[]": ["word", "segment"]}


async def line(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


@contextlib.asynccontextmanager
async def serving(data_dir: Path, n: int) -> AsyncIterator[tuple[Process, httpx2.AsyncClient]]:
    """A server that stops reading after ``n`` windows; killed at the end."""
    command = (sys.executable, "-m", "tests.faults.held_server", str(data_dir), str(n))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=ROOT)
    try:
        url = await line(process)
        async with httpx2.AsyncClient(base_url=url, verify=NO_TLS, timeout=120) as http:
            yield process, http
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def job_of(http: httpx2.AsyncClient) -> str:
    files = {"file": ("talk.wav", TALK)}
    answer = await http.post("/v1/jobs", data={**FORM, **TIMES}, files=files)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def result_of(http: httpx2.AsyncClient, job_id: str) -> Any:
    while (job := (await http.get(f"/v1/jobs/{job_id}")).json())["status"] != "completed":
        assert job["status"] in ("queued", "running"), job
        await asyncio.sleep(0.02)
    return (await http.get(f"/v1/jobs/{job_id}/result")).json()


async def windows(http: httpx2.AsyncClient, how: str) -> int:
    page = (await http.get("/metrics")).text
    found = re.search(rf'auricle_job_windows_total{{how="{how}"}} (\d+)', page)
    return int(found[1]) if found else 0


async def test_a_killed_server_loses_no_window_and_the_next_repeats_none(tmp_path: Path):
    async with serving(tmp_path, N_KEPT) as (process, http):
        job_id = await job_of(http)
        assert await line(process) == "held"
        process.kill()
        await process.wait()
    with contextlib.closing(sqlite3.connect(tmp_path / "jobs.sqlite3")) as database:
        kept = database.execute("SELECT job, number FROM windows").fetchall()
    assert [job for job, _ in kept] == [job_id] * N_KEPT

    async with serving(tmp_path, -1) as (_, http):
        resumed = await result_of(http, job_id)
        n_read = await windows(http, "read")
        assert await windows(http, "kept") == N_KEPT
        whole = await result_of(http, await job_of(http))
        n_whole = await windows(http, "read") - n_read
        files = {"file": ("talk.wav", TALK)}
        path = "/v1/audio/transcriptions"
        direct = (await http.post(path, data={**FORM, **TIMES}, files=files)).json()
    assert n_whole == len(CLIPS)
    assert n_read == n_whole - N_KEPT
    assert resumed == whole == direct
    assert len(direct["segments"]) >= len(CLIPS)

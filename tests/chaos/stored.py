"""The parts of the soak that are about stored jobs: servers that are killed, clocks that jump."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

from tests.audio_files import wav
from tests.chaos.phases import Size, talk
from tests.chaos.population import WrongAnswer
from tests.chaos.server import Running, shown, started

DAY_S = 86_400.0


async def jobs(folder: Path, size: Size) -> str:
    """The server is killed again and again in the middle of jobs; in the end all are done, and no
    window was read that was kept before."""
    rng = random.Random(size.seed)
    kept = folder / "kept"
    recording = wav(talk())
    async with started(folder, "stub") as running:
        right = await _result(running, await _added(running, recording))
    n_kept = _n_lines(kept)
    ids: list[str] = []
    for _ in range(size.restarts):
        async with started(folder, "stub") as running:
            ids.append(await _added(running, recording))  # so that there is always one to be done
            more = rng.randint(0, 5)
            while _n_lines(kept) < n_kept + more and not await _all_done(running, ids):
                pass
            await running.kill()
            n_kept = _n_lines(kept)
    async with started(folder, "stub") as running:
        results = [await _result(running, each) for each in ids]
        await running.stop()
    if any(result != right for result in results):
        raise WrongAnswer("a job has another result than alone")
    twice = {line: n for line, n in Counter(kept.read_text().splitlines()).items() if n > 1}
    if twice:
        raise WrongAnswer(f"windows that were read twice: {twice}")
    return f"{len(ids)} jobs, {size.restarts} kills, {_n_lines(kept)} windows, none twice"


async def clock(folder: Path, size: Size) -> str:
    """The time of day jumps by days while jobs are made and done."""
    rng = random.Random(size.seed)
    recording = wav(talk())
    found: Counter[str] = Counter()
    async with started(folder, "stub") as running:
        right = await _result(running, await _added(running, recording))
        for _ in range(size.restarts):
            job_id = await _added(running, recording)
            await running.set_clock(rng.choice((-30, -1, 1, 3)) * DAY_S + rng.random())
            same = await _result(running, job_id) == right
            found["same" if same else "other"] += 1
            await running.set_clock(0.0)
        await running.stop()
    if found["other"]:
        raise WrongAnswer(f"results differ: {shown(found)}")
    return shown(found)


async def _added(running: Running, recording: bytes) -> str:
    form = {"model": "whisper-1", "language": "en"}
    answer = await running.http.post("/v1/jobs", data=form, files={"file": recording})
    if answer.status_code != 201:
        raise WrongAnswer(f"a job was answered {answer.status_code}: {answer.text[:200]}")
    return str(answer.json()["id"])


async def _result(running: Running, job_id: str) -> Any:
    while (job := (await running.http.get(f"/v1/jobs/{job_id}")).json())["status"] != "completed":
        if job["status"] not in ("queued", "running"):
            raise WrongAnswer(f"a job is {job}")
        await asyncio.sleep(0.02)
    return (await running.http.get(f"/v1/jobs/{job_id}/result")).json()


async def _all_done(running: Running, ids: list[str]) -> bool:
    states = [(await running.http.get(f"/v1/jobs/{each}")).json()["status"] for each in ids]
    return all(state == "completed" for state in states)


def _n_lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0

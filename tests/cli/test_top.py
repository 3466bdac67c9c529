"""What a server does, shown in a terminal."""

from __future__ import annotations

import asyncio

import pytest

from auricle.cli.main import run
from auricle.cli.server_view import Snapshot, lines
from tests.server.conftest import serving, settings
from tests.server.fakes import FakeRuntime

BEFORE = """
auricle_ready 1.0
auricle_requests_total{method="POST",route="/v1/audio/transcriptions",status="200"} 10.0
auricle_queue_wait_seconds_count{priority="short"} 4.0
auricle_queue_wait_seconds_sum{priority="short"} 8.0
auricle_audio_seconds_total 100.0
"""
NOW = """
auricle_ready 1.0
auricle_backlog_seconds 12.4
auricle_requests_in_flight 3.0
auricle_uploads 1.0
auricle_websockets 2.0
auricle_requests_total{method="POST",route="/v1/audio/transcriptions",status="200"} 14.0
auricle_requests_total{method="POST",route="/v1/audio/transcriptions",status="429"} 2.0
auricle_requests_total{method="GET",route="/metrics",status="200"} 7.0
auricle_queue_wait_seconds_count{priority="short"} 6.0
auricle_queue_wait_seconds_sum{priority="short"} 9.0
auricle_audio_seconds_total 160.0
auricle_stored_jobs{state="completed"} 5.0
auricle_stored_jobs{state="running"} 1.0
auricle_engine_deaths_total 1.0
"""
BASE = {
    "id": "base",
    "root": "base",
    "state": "ready",
    "memory_mb": 301,
    "queue": {"requests": 2, "windows": 9},
}
MODELS = [BASE, {**BASE, "id": "whisper-1"}]


def test_what_is_shown():
    now = Snapshot.of(102.0, NOW, MODELS)
    assert lines(Snapshot.of(100.0, BEFORE, MODELS), now, "http://here") == [
        "auricle at http://here: ready",
        "",
        "queue     12 s of work wait; windows waited 0.50 s, calls to the engine took –",
        "requests  2 under way, 1 uploads; 3.0 a second, 1.0 of them refused",
        "audio     30.0 s a second",
        "sessions  2 websockets",
        "jobs      5 completed, 1 running",
        "trouble   1 engines and 0 decoders died since the start",
        "",
        "MODEL                    STATE         MEMORY  REQUESTS  WINDOWS",
        "base                     ready        301 MiB         2        9",
    ]


def test_a_server_that_has_begun_anew_did_nothing_less_than_nothing():
    shown = lines(Snapshot.of(100.0, NOW, []), Snapshot.of(102.0, "", []), "http://here")
    assert shown[0] == "auricle at http://here: not ready"
    assert shown[4] == "audio     0.0 s a second"


def test_one_look_says_nothing_about_what_is_done_in_a_second():
    now = Snapshot.of(102.0, NOW, MODELS)
    shown = lines(now, now, "http://here")
    assert shown[2:5] == [
        "queue     12 s of work wait; windows waited –, calls to the engine took –",
        "requests  2 under way, 1 uploads; – a second, – of them refused",
        "audio     – s a second",
    ]


def test_a_server_that_stops_is_said_to():
    state = (
        'auricle_ready 0.0\nauricle_state{state="ready"} 0.0\nauricle_state{state="draining"} 1.0\n'
    )
    now = Snapshot.of(102.0, state, [])
    assert lines(now, now, "http://here")[0] == "auricle at http://here: draining"


async def test_a_server_is_shown_once_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    runtime = FakeRuntime(settings())
    async with serving(runtime) as served:
        await runtime.started.wait()
        looking = ["top", "--url", served.url, "--api-key", "x", "--every", "0.2"]
        assert await asyncio.to_thread(run, looking) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"auricle at {served.url}: ready"
    assert shown[-1].split() == ["small", "unloaded", "0", "MiB", "0", "0"]


async def test_a_server_that_wants_a_key(capsys: pytest.CaptureFixture[str]):
    async with serving(FakeRuntime(settings(api_keys=("sk-ann",)))) as served:
        assert await asyncio.to_thread(run, ["top", "--url", served.url]) == 1
    assert "/metrics wants a key of that server: give one with --api-key" in capsys.readouterr().err


def test_no_time_is_not_waited(capsys: pytest.CaptureFixture[str]):
    assert run(["top", "--every", "nan"]) == 2
    assert "'--every': nan is not in the range 0.2<=x<=3600" in capsys.readouterr().err


def test_nobody_answers(capsys: pytest.CaptureFixture[str]):
    assert run(["top", "--url", "http://127.0.0.1:1"]) == 1
    assert "does not answer" in capsys.readouterr().err

"""What a server did and holds is there for Prometheus, however many names clients make up."""

from __future__ import annotations

import ast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from auricle.server.metrics import COUNTED, RECORDED, Metrics
from tests.rules import source
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def test_requests_are_counted_by_route_and_status() -> None:
    runtime = FakeRuntime(settings())
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        for _ in range(2):
            data, files = {"model": "base"}, {"file": b"x"}
            await http.post("/v1/audio/transcriptions", data=data, files=files)
        for n in range(3):
            await http.request("PROPFIND", f"/made/up/{n}")
        page = await http.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=")
    found = samples(page.text)
    route = "/v1/audio/transcriptions"
    assert found[key("auricle_requests_total", method="POST", route=route, status="200")] == 2
    assert found[key("auricle_requests_total", method="other", route="none", status="404")] == 3
    assert found[key("auricle_request_seconds_count", route=route)] == 2
    assert found[key("auricle_audio_seconds_total")] == 5.0


async def test_what_a_server_holds_now(served: Served) -> None:
    async with served.http() as http:
        found = samples((await http.get("/metrics")).text)
    assert found[key("auricle_ready")] == 1
    states = ("starting", "ready", "failed", "draining", "stopping")
    assert [found[key("auricle_state", state=each)] for each in states] == [0, 1, 0, 0, 0]
    assert found[key("auricle_backlog_seconds")] == 12.5
    assert found[key("auricle_requests_in_flight")] == 1
    assert found[key("auricle_model_memory_bytes", model="base")] == 300 * 1024 * 1024
    assert found[key("auricle_model_windows", model="base")] == 5
    assert found[key("auricle_model_backlog_seconds", model="base")] == 9.5
    assert found[key("auricle_model_loaded", model="small")] == 0
    assert key("auricle_model_loaded", model="speakers") not in found
    assert found[key("process_open_fds")] > 3


async def test_live_streams_are_told_whatever_their_connections() -> None:
    runtime = FakeRuntime(settings())
    runtime.n_live, runtime.live_lag_s = 3, 0.7
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        found = samples((await http.get("/metrics")).text)
    assert (found[key("auricle_live_streams")], found[key("auricle_websockets")]) == (3, 0)
    assert found[key("auricle_live_lag_seconds")] == 0.7


async def test_what_tells_speakers_apart_takes_memory_too() -> None:
    runtime = FakeRuntime(settings())
    runtime.speakers_state = "ready"
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        found = samples((await http.get("/metrics")).text)
    assert found[key("auricle_model_memory_bytes", model="speakers")] == 200 * 1024 * 1024
    assert found[key("auricle_model_memory_bytes", model="base")] == 300 * 1024 * 1024


async def test_a_key_is_asked_for() -> None:
    runtime = FakeRuntime(settings(api_keys=("sk-one",)))
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        refused = await http.get("/metrics")
        shown = await http.get("/metrics", headers={"authorization": "Bearer sk-one"})
    assert (refused.status_code, shown.status_code) == (401, 200)


async def test_all_that_is_told_is_kept() -> None:
    """Every name that the code gives an observer, with the labels it gives there."""
    told = {name: labels for path in source.modules() for name, labels in _told(path.read_text())}
    metrics = Metrics()
    for name in COUNTED:
        metrics.count(name, 1, **dict.fromkeys(told[name], "x"))
    for name in RECORDED:
        metrics.record(name, 1.0, **dict.fromkeys(told[name], "x"))
    assert set(told) == {*COUNTED, *RECORDED}


def _told(text: str) -> list[tuple[str, list[str]]]:
    """Names and labels of calls such as ``observer.count("name", label=...)`` in a module."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = ast.unparse(node.func)
        labels = [str(each.arg) for each in node.keywords]
        if called.endswith(("observer.count", "observer.record")):
            name = node.args[0]
        elif called == "span":
            name, labels = node.args[1], [*labels, "ended"]
        else:
            continue
        if isinstance(name, ast.Constant):
            found.append((str(name.value), labels))
    return found


async def test_a_server_that_stops_is_draining() -> None:
    runtime = FakeRuntime(settings())
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        served.server._in_flight.stop()
        found = samples((await http.get("/metrics")).text)
    assert found[key("auricle_state", state="draining")] == 1
    assert found[key("auricle_state", state="ready")] == found[key("auricle_ready")] == 0

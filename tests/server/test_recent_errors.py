"""Requests that failed, as those who sent them see them afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import websockets
from starlette.types import Scope

from auricle.errors import AuricleError, EngineFailed, InvalidRequest
from auricle.server.recent_errors import MAX_EACH, MAX_OWNERS, RecentErrors
from auricle.server.transport import context
from auricle.server.transport.context import RequestContext
from auricle.server.transport.in_flight import InFlight
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import HELLO, FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/audio/transcriptions"
SECRET = "the nuclear codes"
FILES = {"file": (f"{SECRET}.wav", b"audio")}


async def listed(served: Served, n: int, headers: Mapping[str, str] = {}) -> list[dict[str, Any]]:
    """The failures once there are this many: each is kept after its answer has been sent."""
    while True:
        async with served.http() as http:
            found: list[dict[str, Any]] = (await http.get("/v1/errors", headers=headers)).json()[
                "data"
            ]
        if len(found) >= n:
            return found


async def test_what_failed_is_listed_without_what_was_sent() -> None:
    async with serving(FakeRuntime(settings())) as served, served.http() as http:
        await served.runtime.started.wait()
        good = await http.post(PATH, data={"model": "base"}, files=FILES)
        assert good.status_code == 200
        data = {"model": "base", "prompt": SECRET, "language": "xx"}
        refused = await http.post(f"{PATH}?key={SECRET}", data=data, files=FILES)
        nowhere = await http.get(f"/v1/{SECRET}")
        await http.post("/v1/models/medium.en/load")
        first, *rest = reversed(await listed(served, 3))
        assert first == {
            "id": refused.headers["x-request-id"],
            "object": "error",
            "ended_at": first["ended_at"],
            "method": "POST",
            "path": PATH,
            "status": 400,
            "close_code": None,
            "code": "invalid_language_format",
            "param": "language",
            "model": "base",
        }
        assert [(each["id"], each["path"], each["status"]) for each in rest] == [
            (nowhere.headers["x-request-id"], None, 404),
            (rest[1]["id"], "/v1/models/{id}/load", 404),
        ]
        assert (rest[1]["code"], rest[1]["model"]) == ("model_not_found", "medium.en")
        assert SECRET not in (await http.get("/v1/errors")).text


async def test_an_error_in_an_answer_that_has_begun_counts() -> None:
    runtime = FakeRuntime(settings())
    runtime.steps = (HELLO[0], EngineFailed("It failed twice.", code="engine_failed"))
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        data = {"model": "base", "stream": "true"}
        answer = await http.post(PATH, data=data, files=FILES)
        assert "It failed twice." in answer.text
        [failed] = await listed(served, 1)
        assert (failed["status"], failed["code"]) == (200, "engine_failed")


async def test_each_key_sees_its_own_and_nobody_whom_the_gate_refused() -> None:
    keys = {name: {"authorization": f"Bearer {name}"} for name in ("first-key", "second-key")}
    async with (
        serving(FakeRuntime(settings(api_keys=tuple(keys)))) as served,
        served.http() as http,
    ):
        for headers in (*keys.values(), {}):
            await http.post(PATH, headers=headers, data={"model": "none"}, files=FILES)
        assert (await http.get("/v1/errors")).status_code == 401
        for headers in keys.values():
            [failed] = await listed(served, 1, headers)
            assert (failed["status"], failed["model"]) == (400, "none")


async def test_a_websocket_that_is_refused_counts() -> None:
    async with serving(FakeRuntime(settings())) as served:
        address = f"{served.url.replace('http', 'ws')}/v1/realtime?model=none"
        async with websockets.connect(address) as socket:
            await socket.wait_closed()
        [failed] = await listed(served, 1)
        seen = [failed[name] for name in ("method", "path", "status", "close_code")]
        assert seen == ["websocket", "/v1/realtime", 101, socket.close_code]


def ended(client: str, error: AuricleError | None = None, path: str = "/") -> Scope:
    scope: Scope = {"type": "http", "method": "GET", "path_params": {}}
    known = RequestContext(f"req_{client}", InFlight(), client=client, error=error)
    context.put(scope, known)
    scope["route"] = type("Route", (), {"path_format": path})
    return scope


async def test_probes_and_what_went_well_do_not_count() -> None:
    recent = RecentErrors()
    recent.note(ended("key a"))
    recent.note(ended("key a", InvalidRequest("No."), "/readyz"))
    assert recent.of("key a") == ()


async def test_nobody_pushes_out_anothers_and_all_of_it_has_an_end() -> None:
    recent = RecentErrors(now_s=lambda: 7.9)
    recent.note(ended("key quiet", InvalidRequest("No.", code="c", param="p")))
    for _ in range(MAX_EACH + 1):
        recent.note(ended("key loud", InvalidRequest("No.")))
    assert len(recent.of("key loud")) == MAX_EACH
    [quiet] = recent.of("key quiet")
    assert (quiet.ended_at, quiet.code, quiet.param) == (7, "c", "p")
    for number in range(MAX_OWNERS - 1):
        recent.note(ended(f"key {number}", InvalidRequest("No.")))
    assert recent.of("key quiet") == ()
    assert recent.of("key loud") != ()

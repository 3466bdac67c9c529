"""A server listens where it says, and stops in order: refuse, finish, cancel the rest."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys

import httpx2
import pytest

from auricle.errors import BadSetting
from auricle.server.serve import serve
from auricle.server.transport import listeners
from tests.server.conftest import Log, Served, serving, settings
from tests.server.events import events
from tests.server.fakes import HELLO, FakeRuntime

PATH = "/v1/audio/transcriptions"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
async def test_localhost_is_both_families_on_one_port() -> None:
    async with serving(FakeRuntime(settings(host="localhost"))) as served:
        assert [url.rsplit(":", 1)[0] for url in served.server.urls] == [
            "http://127.0.0.1",
            "http://[::1]",
        ]
        assert len({url.rsplit(":", 1)[1] for url in served.server.urls}) == 1
        async with served.http() as http:
            answers = [await http.get(f"{url}/") for url in served.server.urls]
    assert [answer.status_code for answer in answers] == [200, 200]


def test_a_family_this_machine_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second address is one no machine has, as ::1 is where IPv6 is off."""
    addresses = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "192.0.2.1"))
    monkeypatch.setattr(listeners, "LOOPBACK", addresses)
    sockets = listeners.listeners("localhost", 0)
    names = [one.getsockname()[0] for one in sockets]
    for one in sockets:
        one.close()
    assert names == ["127.0.0.1"]


def test_a_port_in_use_is_named() -> None:
    (taken,) = listeners.listeners("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with taken, pytest.raises(BadSetting) as caught:
        listeners.listeners("localhost", port)
    assert caught.value.message == (
        f"port {port} on host 'localhost' is already in use; choose another with --port"
    )


def test_a_host_of_another_machine() -> None:
    with pytest.raises(BadSetting) as caught:
        listeners.listeners("192.0.2.1", 0)
    assert caught.value.message == "this machine has no address for host '192.0.2.1'"


def test_a_host_that_is_none() -> None:
    with pytest.raises(BadSetting, match="cannot resolve host 'no such host'"):
        listeners.listeners("no such host", 0)


@pytest.mark.parametrize(
    ("family", "address", "wanted"),
    [
        (socket.AF_INET, "0.0.0.0", "http://0.0.0.0:{port}"),
        pytest.param(
            socket.AF_INET6,
            "::",
            "http://[::]:{port}",
            marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here"),
        ),
    ],
)
def test_every_address(family: socket.AddressFamily, address: str, wanted: str) -> None:
    (listener,) = listeners.listeners(address, 0)
    with listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1])):
        assert (listener.family, listeners.url(listener)) == (
            family,
            wanted.format(port=listener.getsockname()[1]),
        )


async def ask(served: Served) -> httpx2.Response:
    async with served.http() as http:
        return await http.post(PATH, data={"model": "base"}, files={"file": b"audio"})


async def test_a_stopping_server_finishes_what_it_accepted_and_takes_nothing_new() -> None:
    runtime = FakeRuntime(settings())
    more = asyncio.Event()
    runtime.steps = (more, *HELLO)
    async with serving(runtime) as served:
        await runtime.started.wait()
        asking = asyncio.create_task(ask(served))
        await runtime.opened.wait()
        served.server.stop()
        while (health := await get_health(served)).json()["status"] != "stopping":
            pass
        refused = await ask(served)
        more.set()
        answer = await asking
    assert (health.status_code, health.headers["retry-after"]) == (503, "2")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.headers["connection"] == "close"
    assert refused.json()["error"]["message"] == "The server is shutting down."
    assert (answer.status_code, answer.json()["text"]) == (200, "Hello there. And you.")
    assert runtime.stopped.is_set()


async def get_health(served: Served) -> httpx2.Response:
    async with served.http() as http:
        return await http.get("/health")


@pytest.mark.parametrize("drain_s", [0, 3600])
async def test_what_is_not_finished_in_time_is_cancelled_and_counted(
    drain_s: int, log: Log
) -> None:
    """At the deadline (0 s here), or when asked to stop a second time."""
    runtime = FakeRuntime(settings(drain_s=drain_s))
    runtime.steps = (asyncio.Event(),)
    async with serving(runtime) as served:
        await runtime.started.wait()
        asking = [asyncio.create_task(ask(served)) for _ in range(2)]
        await runtime.opened_twice.wait()
        served.server.stop()
        if drain_s:
            served.server.stop()
        answers = [await one for one in asking]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert [answer.headers["x-request-id"][:4] for answer in answers] == ["req_", "req_"]
    assert runtime.cancelled.is_set()
    stopping, cancelled, *answered = log.lines[-5:-1]
    assert stopping == "stopping: finishing what was accepted"
    assert cancelled == "cancelled 2 unfinished requests"
    assert [line.partition(" in ")[0] for line in answered] == [f"POST {PATH} 503"] * 2
    assert log.lines[-1] == "stopped"


STOPPING = {
    "error": {
        "message": "The server is shutting down.",
        "type": "server_error",
        "param": None,
        "code": None,
    }
}


@pytest.mark.parametrize("form", [{"stream": "true"}, {"response_format": "json"}])
async def test_an_answer_that_had_begun_says_that_the_server_stops(form: dict[str, str]) -> None:
    """Streams and JSON that had begun ended in the middle, without the envelope that any other late
    error gets: clients saw a broken connection and sent the recording again."""
    runtime = FakeRuntime(settings(early_headers_s=0.001))
    runtime.steps = (HELLO[0], asyncio.Event())
    async with serving(runtime) as served:
        await runtime.started.wait()
        async with (
            served.http() as http,
            http.stream(
                "POST", PATH, data={"model": "base", **form}, files={"file": b"a"}
            ) as answer,
        ):
            served.server.stop()
            served.server.stop()
            text = (await answer.aread()).decode()
    if "stream" in form:
        *_, last = events(text, ends_with_done=False)
        assert last == STOPPING
    else:
        assert json.loads(text) == STOPPING
    assert runtime.cancelled.is_set()


async def test_text_that_had_begun_is_cut_off_by_a_stop() -> None:
    """Clients take the orderly end of a response for the end of the text."""
    runtime = FakeRuntime(settings(early_headers_s=0.001))
    runtime.steps = (asyncio.Event(),)
    async with serving(runtime) as served:
        await runtime.started.wait()
        data = {"model": "base", "response_format": "text"}
        async with (
            served.http() as http,
            http.stream("POST", PATH, data=data, files={"file": b"a"}) as answer,
        ):
            served.server.stop()
            served.server.stop()
            with pytest.raises(httpx2.RemoteProtocolError):
                await answer.aread()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of its own")
async def test_a_signal_stops_the_server(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "auricle")
    before = signal.getsignal(signal.SIGTERM)
    runtime = FakeRuntime(settings())
    running = asyncio.create_task(serve(runtime.settings, runtime))
    await runtime.started.wait()
    signal.raise_signal(signal.SIGTERM)
    await running
    assert runtime.stopped.is_set()
    assert signal.getsignal(signal.SIGTERM) is before
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("auricle")]
    assert lines[0].startswith("listening on http://127.0.0.1:")
    assert lines[1:] == ["ready: base", "stopping: finishing what was accepted", "stopped"]

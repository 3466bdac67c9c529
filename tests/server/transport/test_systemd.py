"""What a service manager passes to a server, and is told by it."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from auricle.errors import BadSetting
from auricle.server.access.keys import ApiKeys
from auricle.server.serve import Server
from auricle.server.transport import systemd
from tests.server.conftest import serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no systemd")


def listening(address: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.bind((address, 0))
    listener.listen()
    return listener


def environ(n: int = 1, pid: int | None = None) -> dict[str, str]:
    return {"LISTEN_PID": str(pid or os.getpid()), "LISTEN_FDS": str(n), "LISTEN_FDNAMES": "http"}


def test_sockets_are_taken_once():
    listener = listening()
    port, descriptor = listener.getsockname()[1], listener.detach()
    given = environ()
    (taken,) = systemd.passed(given, descriptor)
    assert (taken.getsockname()[1], taken.getblocking(), given) == (port, False, {})
    assert not os.get_inheritable(descriptor)
    taken.close()
    assert systemd.passed(given) == []


@pytest.mark.parametrize(
    "given", [{}, environ(pid=1), environ(0), {**environ(), "LISTEN_FDS": "x"}]
)
def test_sockets_of_another_process_are_left_alone(given: dict[str, str]):
    assert systemd.passed(given) == []


def test_what_is_no_socket_that_listens():
    descriptor = socket.socket().detach()
    with pytest.raises(BadSetting, match="no TCP socket that listens"):
        systemd.passed(environ(), descriptor)


@pytest.mark.parametrize("name", ["notify", "@auricle-test"])
async def test_it_is_told_that_a_server_is_ready_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    path = f"@{name[1:]}-{os.getpid()}" if name.startswith("@") else str(tmp_path / name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path.replace("@", "\0", 1) if path.startswith("@") else path)
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        runtime = FakeRuntime(settings())
        async with serving(runtime) as served, served.http() as http:
            while (await http.get("/health")).status_code != 200:
                pass
        told = [manager.recv(1000).decode() for _ in range(2)]
    assert told == ["READY=1\nSTATUS=ready", "STOPPING=1\nSTATUS=finishing what was accepted"]


def test_nobody_listens_to_what_is_told(tmp_path: Path):
    systemd.notify("READY=1", environ={"NOTIFY_SOCKET": str(tmp_path / "nothing")})
    systemd.notify("READY=1", environ={})


async def test_a_server_that_others_reach_needs_keys_whoever_listens(
    monkeypatch: pytest.MonkeyPatch,
):
    """The setting ``host`` says nothing about a socket that is passed."""
    listener = listening("0.0.0.0")
    monkeypatch.setattr(systemd, "passed", lambda: [listener])
    given = settings()
    with pytest.raises(BadSetting, match=r"0\.0\.0\.0, where the service manager listens"):
        Server(given, FakeRuntime(given))
    server = Server(given, FakeRuntime(given), keys=ApiKeys(["sk-ann"]))
    assert server.urls == (f"http://0.0.0.0:{listener.getsockname()[1]}",)
    listener.close()

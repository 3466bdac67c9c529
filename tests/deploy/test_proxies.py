"""The proxies of deploy/proxies in front of a server: nothing is kept back, refused or renamed.

They run as they are there but for addresses, ports and folders.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect

from auricle_bench.measurements.proxied import configured
from tests.rules.source import ROOT
from tests.server.conftest import CLIENT_MAX_S, NO_TLS, Served, serving, settings
from tests.server.dialects.deepgram.sockets import RAW, rest, samples
from tests.server.dialects.deepgram.test_live import CLOSE, speaks, texts
from tests.server.fakes import FakeRuntime, said

PROXIES = ROOT / "deploy" / "proxies"
NAME = "speech.example.com"
HEADERS = {"host": NAME}
MIB = 1024 * 1024

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CADDY = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")


@dataclass(frozen=True)
class Proxied:
    """A server behind a proxy: ``url`` is the proxy's, with the path of the server under it."""

    served: Served
    url: str

    def http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=self.url, headers=HEADERS, verify=NO_TLS, timeout=CLIENT_MAX_S
        )


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def nginx(folder: Path, port: int, upstream: str) -> list[str]:
    assert NGINX is not None
    return configured(NGINX, folder, port, upstream)


def caddy(folder: Path, port: int, upstream: str) -> list[str]:
    site = (PROXIES / "Caddyfile").read_text("utf-8")
    for written, here in (
        (f"\n{NAME} {{", f"\nhttp://{NAME}:{port} {{\n\tbind 127.0.0.1"),
        ("127.0.0.1:50060", upstream),
    ):
        assert written in site
        site = site.replace(written, here)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + site, "utf-8")
    assert CADDY is not None
    return [CADDY, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


Make = Callable[[Path, int, str], list[str]]
"""Writes a proxy's configuration to a folder, for a port and an upstream; the command."""

CASES = [
    pytest.param(nginx, "", marks=pytest.mark.skipif(NGINX is None, reason="nginx is missing")),
    pytest.param(
        nginx, "/speech", marks=pytest.mark.skipif(NGINX is None, reason="nginx is missing")
    ),
    pytest.param(caddy, "", marks=pytest.mark.skipif(CADDY is None, reason="caddy is missing")),
]


@contextlib.asynccontextmanager
async def proxied(
    make: Make, path: str, folder: Path, runtime: FakeRuntime
) -> AsyncIterator[Proxied]:
    async with serving(runtime) as served:
        await runtime.started.wait()
        port, upstream = free_port(), "{}:{}".format(*served.address)
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *make(folder, port, upstream), stderr=log, cwd=folder
            )
        try:
            while True:
                assert process.returncode is None, (folder / "log").read_text()
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
            yield Proxied(served, f"http://127.0.0.1:{port}{path}")
        finally:
            process.terminate()
            await process.wait()


pytestmark = pytest.mark.parametrize(("make", "path"), CASES)


def runtime(**changes: object) -> FakeRuntime:
    return FakeRuntime(settings(allowed_hosts=(NAME,), **changes))


async def test_events_come_as_they_are_sent(make: Make, path: str, tmp_path: Path) -> None:
    slow = runtime()
    gate = asyncio.Event()
    slow.steps = [said(" Hello there."), gate, said(" And you.")]
    async with proxied(make, path, tmp_path, slow) as proxy, proxy.http() as http:
        data, files = {"model": "base", "stream": "true"}, {"file": b"x"}
        streaming = http.stream("POST", "/v1/audio/transcriptions", data=data, files=files)
        async with streaming as answer:
            lines = answer.aiter_lines()
            early = [await anext(lines), await anext(lines)]
            assert not gate.is_set()
            assert (early[0], "Hello there." in early[1]) == ("event: transcript.text.delta", True)
            gate.set()
            late = [line async for line in lines]
    assert "data: [DONE]" in late


async def test_a_socket_passes_both_ways(make: Make, path: str, tmp_path: Path) -> None:
    live = runtime()
    live.live_says = speaks
    async with proxied(make, path, tmp_path, live) as proxy:
        port = int(proxy.url.split(":")[2].split("/")[0])
        url = f"ws://{NAME}:{port}{path}/v1/listen?{RAW}&interim_results=true&punctuate=true"
        async with connect(url, host="127.0.0.1", port=port, proxy=None) as client:
            await client.send(samples(2.0))
            await client.send(CLOSE)
            messages = await rest(client)
        assert client.close_code == 1000
    assert texts(messages) == ["interim: Hello there.", "final end: Hello there.", "Metadata"]


async def test_a_hundred_megabytes_pass_while_they_are_sent(
    make: Make, path: str, tmp_path: Path
) -> None:
    large = runtime(max_upload_mb=200, min_free_disk_mb=0)
    arrived = asyncio.Event()
    head = (
        b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nbase\r\n--x\r\n'
        b'content-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    )

    async def sent() -> AsyncIterator[bytes]:
        yield head
        for _ in range(99):
            yield bytes(MIB)
        await arrived.wait()  # the server has it in work before it is whole
        yield bytes(MIB)
        yield b"\r\n--x--\r\n"

    async with proxied(make, path, tmp_path, large) as proxy, proxy.http() as http:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        target = "/v1/audio/transcriptions"
        posting = asyncio.create_task(http.post(target, content=sent(), headers=headers))
        async with proxy.served.http() as direct:
            while "auricle_uploads 1.0" not in (await direct.get("/metrics")).text:
                assert not posting.done()
        arrived.set()
        answer = await posting
    assert answer.status_code == 200, answer.text
    assert "x-request-id" in answer.headers
    ((recording, _),) = large.asked
    assert len(recording) == 100 * MIB


async def test_a_refusal_is_the_servers_own(make: Make, path: str, tmp_path: Path) -> None:
    async with proxied(make, path, tmp_path, runtime()) as proxy, proxy.http() as http:
        files = {"file": bytes(2 * MIB)}
        answer = await http.post("/v1/audio/transcriptions", data={"model": "base"}, files=files)
        assert (answer.status_code, answer.json()["error"]["type"]) == (413, "server_error")
        other = await http.get("/v1/models", headers={"host": NAME, "origin": "https://evil.com"})
        assert other.json()["error"]["code"] == "origin_not_allowed"


async def test_pages_find_their_files(make: Make, path: str, tmp_path: Path) -> None:
    async with proxied(make, path, tmp_path, runtime()) as proxy, proxy.http() as http:
        for page in ("/docs", "/"):
            html = await http.get(page, headers={**HEADERS, "accept": "text/html"})
            assert html.status_code == 200
            found = re.findall(r'(?:src|href)="([^"#:]+)"', html.text)
            assert found, page
            for name in found:
                file = await http.get(str(html.url.join(name)))
                assert file.status_code == 200, f"{page} asks for {name}"
        assert json.loads((await http.get("/openapi.json")).text)["openapi"].startswith("3.")


async def test_who_asks_is_who_asked_the_proxy(make: Make, path: str, tmp_path: Path) -> None:
    """Limits for each client go by it; a client cannot say that it is another."""
    seen = runtime()
    async with proxied(make, path, tmp_path, seen) as proxy, proxy.http() as http:
        headers = {**HEADERS, "x-forwarded-for": "203.0.113.7"}
        data, files = {"model": "base"}, {"file": b"x"}
        await http.post("/v1/audio/transcriptions", headers=headers, data=data, files=files)
    assert set(seen.keys) == {"address 127.0.0.1"}

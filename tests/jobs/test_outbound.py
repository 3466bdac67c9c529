"""Which hosts a server talks to for its clients, and at which addresses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from auricle.errors import AuricleError, InvalidRequest, TooLarge, Unavailable
from auricle.jobs.fetching import fetch
from auricle.jobs.outbound import OutboundClient, is_public

PRIVATE = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # what clouds tell a machine of itself
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "not an address",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_this_machine_and_its_networks(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet(address: str):
    assert is_public(address)


def outbound(*allowed: str, addresses: Sequence[str] = ("127.0.0.1",)) -> OutboundClient:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return OutboundClient(allowed, "job_url_hosts", "url", resolve)


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ((), "http://example.com/"),
        (("example.com",), "http://example.org/"),
        (("example.com:8080",), "http://example.com/"),
        (("*",), "ftp://example.com/"),
        (("*",), "file:///etc/passwd"),
        (("*",), "http://ann:secret@example.com/"),
        (("*",), "http:///talk"),
        (("*",), "talk"),
        (("*",), "http://[::1/"),
        (("*",), f"http://example.com/{'x' * 2048}"),
    ],
)
def test_urls_that_are_refused(allowed: tuple[str, ...], url: str):
    with pytest.raises(InvalidRequest) as caught:
        outbound(*allowed).check(url)
    assert caught.value.param == "url"


@pytest.mark.parametrize("allowed", ["*", "example.com", "EXAMPLE.com:443"])
def test_urls_that_are_not(allowed: str):
    assert outbound(allowed).check("https://Example.com/talk").host == "example.com"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254"])
async def test_a_host_that_may_be_any_must_not_be_near(address: str):
    """Also if only one of its addresses is."""
    near = outbound("*", addresses=("93.184.215.14", address))
    with pytest.raises(InvalidRequest, match="not public"):
        async with near.request("GET", "http://example.com/"):
            pass


async def test_a_host_that_is_nowhere():
    with pytest.raises(Unavailable, match="cannot be found"):
        async with outbound("*", addresses=()).request("GET", "http://example.com/"):
            pass


Answer = Callable[[bytes], bytes]
"""Made of the head of a request."""


@contextlib.asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    """A host on loopback; its port."""

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(answer(await reader.readuntil(b"\r\n\r\n")))
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.gather(*serving)


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def noted(note: Callable[[bytes], object], body: bytes = b"") -> Answer:
    """Has each head noted, and answers with ``body``."""

    def answer(head: bytes) -> bytes:
        note(head)
        return ok(body)

    return answer


def redirect(url: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n".encode()


async def test_a_recording_is_fetched_by_the_name_of_its_host(tmp_path: Path):
    heads: list[bytes] = []
    async with server(noted(heads.append, b"a talk")) as port:
        url = f"http://radio.example:{port}/talk?n=1"
        n_bytes = await fetch(outbound("radio.example"), url, tmp_path / "talk", 100, 10)
    assert (n_bytes, (tmp_path / "talk").read_bytes()) == (6, b"a talk")
    assert heads[0].startswith(b"GET /talk?n=1 HTTP/1.1\r\n")
    assert f"host: radio.example:{port}\r\n".encode() in heads[0].lower()


async def test_every_redirect_is_looked_at(tmp_path: Path):
    async with server(lambda head: redirect("http://inside.example/")) as port:
        url = f"http://radio.example:{port}/"
        with pytest.raises(InvalidRequest, match="not one that the operator"):
            await fetch(outbound("radio.example"), url, tmp_path / "talk", 100, 10)


async def test_redirects_end(tmp_path: Path):
    async with server(lambda head: redirect("/again")) as port:
        with pytest.raises(InvalidRequest, match="more than 5 times"):
            await fetch(outbound("a.b"), f"http://a.b:{port}/", tmp_path / "talk", 100, 10)


async def test_a_redirect_is_followed(tmp_path: Path):
    def answer(head: bytes) -> bytes:
        return ok(b"a talk") if head.startswith(b"GET /there") else redirect("/there")

    async with server(answer) as port:
        await fetch(outbound("a.b"), f"http://a.b:{port}/", tmp_path / "talk", 100, 10)
    assert (tmp_path / "talk").read_bytes() == b"a talk"


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (ok(b"x" * 101), TooLarge, "larger than 100 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, TooLarge, "larger than 100 bytes"),
        (b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", InvalidRequest, "the status 404"),
        (b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", Unavailable, "the status 503"),
        (ok(b""), InvalidRequest, "is empty"),
        (ok(b"x", "content-encoding: gzip"), InvalidRequest, "compressed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", Unavailable, "did not answer"),
        (b"nonsense\r\n\r\n", Unavailable, "did not answer"),
    ],
)
async def test_answers_that_are_no_recording(
    tmp_path: Path, answer: bytes, error: type[AuricleError], message: str
):
    async with server(lambda head: answer) as port:
        with pytest.raises(error, match=message):
            await fetch(outbound("a.b"), f"http://a.b:{port}/", tmp_path / "talk", 100, 10)


async def test_a_recording_must_be_there_in_time(tmp_path: Path):
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    slow = OutboundClient(["*"], "job_url_hosts", "url", never)
    with pytest.raises(Unavailable, match="not there within 0 s"):
        await fetch(slow, "http://a.b/", tmp_path / "talk", 100, 0)

"""What a connection may take, and what becomes of one whose client is odd, silent or gone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from auricle.server.transport import http_protocol
from auricle.server.transport.http_protocol import HEAD_S
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import HELLO, FakeRuntime
from tests.server.raw import FORM, RawClient, connected, get, post
from tests.waiting import advance, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = b'{"text":"Hello there. And you.","usage":{"seconds":3,"type":"duration"}}'
HEAD = get("/health").removesuffix(b"\r\n")
CHUNKED = "Transfer-Encoding: chunked\r\n"


# Heads


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: a\r\n" % i for i in range(8000)) + b"\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD + b"X-Endless: " + b"a" * 400_000,
    ],
    ids=["one header", "many headers", "path", "without end"],
)
async def test_a_head_has_a_limit(served: Served, sent: bytes) -> None:
    async with connected(served) as client:
        client.writer.write(sent)
        answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (431, "close")
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.error == {
        "message": "The request line and headers are larger than 65536 bytes.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


async def test_a_large_head_that_is_allowed(served: Served) -> None:
    async with served.http() as client:
        answers = [await client.get("/health", headers={"x-long": "a" * 60_000}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


@pytest.mark.parametrize("sent", [b"", HEAD])
async def test_a_head_has_a_time(sent: bytes) -> None:
    """Who said nothing is told nothing."""
    async with serving(FakeRuntime(settings())) as served, connected(served) as client:
        client.writer.write(sent)
        connections: Any = served.server._uvicorn.server_state.connections
        await until(lambda: [each._is_in_head for each in connections] == [bool(sent)])
        advance(HEAD_S)
        answer = await client.rest()
    assert answer.partition(b"\r\n")[0] == (b"HTTP/1.1 408 Request Timeout" if sent else b"")


async def test_a_blank_line_does_not_keep_a_connection_for_ever(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended the wait for the next request, and began none: such a connection never closed. The
    limit is patched, because only the end of the time tells that it had begun."""
    async with connected(served) as client:
        await client.send(get("/health"))
        await client.answer()
        monkeypatch.setattr(http_protocol, "HEAD_S", 0.05)
        await client.send(b"\r\n")
        assert await client.rest() == b""


async def test_the_time_of_a_head_ends_with_it() -> None:
    """The answer is held up until a later connection's time is over."""
    more = asyncio.Event()
    async with (
        serving(FakeRuntime(settings(early_headers_s=0))) as served,
        connected(served) as asking,
        connected(served) as silent,
    ):
        await served.runtime.started.wait()
        served.runtime.steps = (more, *HELLO)
        await asking.send(post())
        await served.runtime.opened.wait()
        advance(HEAD_S)
        assert await silent.rest() == b""
        more.set()
        assert (await asking.answer()).status == 200


async def test_what_is_not_http(served: Served) -> None:
    async with connected(served) as client:
        await client.send(b"what is this\r\n\r\n")
        answer = await client.answer()
    assert (answer.status, answer.error["message"]) == (400, "The request is not valid HTTP/1.1.")


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\naudio\r\n0\r\n" + b"X-Trailer: " + b"a" * 500_000,
        b"5\r\naudio\r\n0\r\n" + b"X-Trailer: a\r\n" * 50_000,
        b"5;" + b"a" * 500_000,
        b"9c40\r\n" + b"x" * 40_000 + b"\r\n0\r\nX-Trailer: " + b"a" * 200_000,
    ],
    ids=["one trailer", "many trailers", "chunk extension", "behind a large body"],
)
async def test_what_stands_around_chunks_has_a_limit(served: Served, body: bytes) -> None:
    """Trailers were kept in memory without end."""
    async with connected(served) as client:
        client.writer.write(post(body, more=CHUNKED))
        answer = await client.answer()
    assert (answer.status, answer.error["message"]) == (
        400,
        "The chunked body has more framing, extensions and trailers than data.",
    )


async def test_small_chunks_and_some_trailers_are_fine(served: Served) -> None:
    data = b"x" * 40_000
    form = FORM.replace(b"audio", data)
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in form) + b"0\r\nX-Trailer: a\r\n\r\n"
    async with connected(served) as client:
        await client.send(post(body, more=CHUNKED))
        assert (await client.answer()).body == TEXT
    assert [audio for audio, _ in served.runtime.asked] == [data]


@pytest.mark.parametrize("body", [b"x\r\n", b"-1\r\n", b"5\r\naudio!\r\n", b"\r\n"])
async def test_bad_chunks_end_the_request(served: Served, body: bytes) -> None:
    async with connected(served) as client:
        await client.send(post(body, more=CHUNKED))
        answer = await client.answer()
    assert (answer.status, answer.error["message"]) == (400, "The request is not valid HTTP/1.1.")
    assert served.runtime.asked == []


# Clients that close their side


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("sent_s", ["before the text", "at once"])
async def test_who_closes_its_side_still_gets_its_answer(
    served: Served, version: str, sent_s: str
) -> None:
    """A client may close the side it has sent everything on, as ``nc -N`` does; it was taken for
    one that had left."""
    more = asyncio.Event()
    served.runtime.steps = (more, *HELLO)
    async with connected(served) as client:
        await client.send(post(version=version))
        if sent_s == "before the text":
            await served.runtime.opened.wait()
        client.writer.write_eof()
        await served.runtime.opened.wait()
        more.set()
        answer = await client.answer()
        assert await client.rest() == b""
    assert (answer.status, answer.body) == (200, TEXT)


async def test_who_closes_its_side_gets_the_stream(served: Served) -> None:
    more = asyncio.Event()
    served.runtime.steps = (HELLO[0], more, HELLO[1])
    form = FORM.replace(
        b"--XX--", b'--XX\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n--XX--'
    )
    async with connected(served) as client:
        client.writer.write(post(form))
        client.writer.write_eof()
        await served.runtime.opened.wait()
        more.set()
        answer = await client.rest()
    assert answer.count(b"event: transcript.text.delta") == 2
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


async def test_pipelined_requests_are_answered_in_order_to_a_closed_side(served: Served) -> None:
    async with connected(served) as client:
        client.writer.write(post() + get("/health") + get("/nothing"))
        client.writer.write_eof()
        answers = [await client.answer() for _ in range(3)]
        assert await client.rest() == b""
    assert [answer.status for answer in answers] == [200, 200, 404]


async def test_who_left_is_told_from_who_closed_its_side(served: Served) -> None:
    """Both look the same until something is sent."""
    served.runtime.steps = (asyncio.Event(),)
    async with connected(served) as client:
        await client.send(post())
        await served.runtime.opened.wait()
    await served.runtime.cancelled.wait()


async def test_half_a_request_and_a_closed_side_is_no_request(served: Served) -> None:
    async with connected(served) as client:
        await client.send(post()[:-10])
        client.writer.write_eof()
        assert await client.rest() == b""
    assert served.runtime.asked == []


# Many requests, many connections


async def test_pipelined_requests_have_a_limit(served: Served) -> None:
    """A client could queue ten thousand requests with one packet."""
    more = asyncio.Event()
    served.runtime.steps = (more, *HELLO)
    async with connected(served) as client:
        await client.send(post() + get("/health") * 100)
        assert await client.rest() == b""
    await served.runtime.cancelled.wait()


async def _asked(client: RawClient) -> int:
    await client.send(get("/health"))
    return (await client.answer()).status


async def test_one_connection_too_many_ends_the_one_idle_for_longest() -> None:
    """A thousand silent clients kept everybody else out."""
    more = asyncio.Event()
    async with serving(FakeRuntime(settings(max_connections=16))) as served:
        await served.runtime.started.wait()
        served.runtime.steps = (more, *HELLO)
        async with connected(served) as busy, connected(served) as old, connected(served) as idle:
            await busy.send(post())
            await served.runtime.opened.wait()
            assert [await _asked(old), await _asked(idle)] == [200, 200]
            held = [await asyncio.open_connection(*served.address) for _ in range(14)]
            assert await old.rest() == b""
            assert await _asked(idle) == 200
            more.set()
            assert (await busy.answer()).status == 200
            for _, writer in held:
                writer.close()


async def test_one_connection_too_many_is_refused_when_all_are_busy() -> None:
    more = asyncio.Event()
    async with serving(FakeRuntime(settings(max_connections=16))) as served:
        await served.runtime.started.wait()
        served.runtime.steps = (more, *HELLO)
        connections = served.server._uvicorn.server_state.connections
        asking = [await asyncio.open_connection(*served.address) for _ in range(16)]
        for _, writer in asking:
            writer.write(post())
        await until(lambda: len(served.runtime.asked) == 16)
        async with connected(served) as client:
            answer = await client.answer()
        assert len(connections) == 16
        more.set()
        for reader, writer in asking:
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
            writer.close()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.error["code"] == "server_busy"

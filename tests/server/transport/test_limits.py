"""What a busy server refuses, how soon, and what it says about when to come back."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx2
import openai
import pytest
from starlette.requests import Request

from auricle.errors import Overloaded
from auricle.server.transport import disk_space
from auricle.server.transport.deadline import Deadline
from auricle.server.transport.upload import BLOCK_BYTES, MIB
from tests.server.conftest import Served, serving, settings
from tests.server.events import events
from tests.server.fakes import HELLO, FakeRuntime
from tests.server.raw import FORM, connected
from tests.server.raw import post as post_bytes
from tests.waiting import Lasting, advance, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/audio/transcriptions"
FILES = {"file": ("a.wav", b"audio")}
FORM_BEGINS = b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\n'
FORM_ENDS = b"x\r\n--b--\r\n"
BUSY = Overloaded("Busy.", code="rate_limit_exceeded", retry_after_s=12.2)


async def post(
    served: Served, headers: dict[str, str] | None = None, **fields: str
) -> httpx2.Response:
    async with served.http() as http:
        data = {"model": "whisper-1", **fields}
        return await http.post(PATH, files=FILES, data=data, headers=headers)


def left(spool: Path, pattern: str = "*") -> list[Path]:
    return list(spool.glob(pattern))


def error(answer: httpx2.Response) -> tuple[int, str | None, str | None]:
    body = answer.json()["error"]
    return answer.status_code, body["code"], body["param"]


async def test_a_full_queue_is_said_before_the_upload_is_read(served: Served, spool: Path) -> None:
    served.runtime.overload = BUSY
    sizes = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(5):
            sizes.append(len(left(spool)))
            yield b"x" * 100_000

    async with served.http() as http:
        kind = {"content-type": "multipart/form-data; boundary=b"}
        answer = await http.post(PATH, content=body(), headers=kind)
    assert error(answer) == (429, "rate_limit_exceeded", None)
    assert answer.headers["retry-after"] == "13"
    assert answer.json()["error"]["type"] == "rate_limit_exceeded"
    assert (sizes, served.runtime.asked) == ([0] * 5, [])


async def test_the_sdk_sees_a_rate_limit(served: Served) -> None:
    served.runtime.refusal = BUSY
    async with served.async_client() as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.audio.transcriptions.create(model="whisper-1", file=FILES["file"])
    assert caught.value.response.headers["retry-after"] == "13"


async def test_a_client_is_known_by_its_address_where_no_key_is_asked_for(served: Served) -> None:
    await post(served, {"authorization": "Bearer sk-one"})
    await post(served)
    assert served.runtime.keys == ["address 127.0.0.1"] * 2


async def test_no_more_uploads_at_one_time_than_allowed() -> None:
    more = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield FORM_BEGINS
        await more.wait()
        yield FORM_ENDS

    async with serving(FakeRuntime(settings(max_uploads=1))) as served:
        await served.runtime.started.wait()
        kind = {"content-type": "multipart/form-data; boundary=b"}
        async with served.http() as http:
            first = asyncio.create_task(http.post(PATH, content=slow(), headers=kind))
            in_flight = served.server._in_flight
            await until(lambda: in_flight.n_uploads == 1)
            refused = await post(served)
            more.set()
            await first
        assert (await post(served)).status_code == 200
    assert error(refused) == (429, "rate_limit_exceeded", None)
    assert refused.headers["retry-after"] == "2"
    assert "max_uploads" in refused.json()["error"]["message"]


async def test_one_client_does_not_take_all_uploads() -> None:
    """A client that sent a byte every few seconds on each of 256 connections kept everybody else
    out."""
    more = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield FORM_BEGINS
        await more.wait()
        yield FORM_ENDS

    runtime = FakeRuntime(settings(max_uploads=2, api_keys=("sk-one", "sk-two")))
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        kind = {"content-type": "multipart/form-data; boundary=b"}
        one, two = ({"authorization": f"Bearer {key}"} for key in ("sk-one", "sk-two"))
        first = asyncio.create_task(http.post(PATH, content=slow(), headers=kind | one))
        await until(lambda: served.server._in_flight.n_uploads == 1)
        refused, other = await post(served, one), await post(served, two)
        more.set()
        await first
        again = await post(served, one)
    assert error(refused) == (429, "rate_limit_exceeded", None)
    assert refused.json()["error"]["message"] == (
        "1 uploads at one time are the limit of this server for one client "
        "(max_uploads_per_client); try again later."
    )
    assert (other.status_code, again.status_code) == (200, 200)


async def test_an_upload_that_trickles_is_given_up(served: Served, spool: Path) -> None:
    """A byte every six seconds held an upload for days."""
    async with connected(served) as client:
        await client.send(post_bytes(b"", more="Transfer-Encoding: chunked\r\n"))
        await until(lambda: served.server._in_flight.n_uploads == 1)
        for byte in FORM_BEGINS[:11]:
            await client.send(b"1\r\n%c\r\n" % byte)
            advance(6)
        await until(lambda: served.server._in_flight.n_uploads == 0)
        await client.send(b"0\r\n\r\n")
        answer = await client.answer()
    assert (answer.status, answer.headers["x-should-retry"]) == (408, "false")
    assert answer.error["message"] == "The upload brought less than 61440 bytes in 60 seconds."


async def test_an_upload_that_keeps_up_the_rate_takes_as_long_as_it_takes(
    served: Served,
) -> None:
    async def steady() -> AsyncIterator[bytes]:
        yield FORM_BEGINS.replace(b"note", b"file").replace(b"\r\n\r\n", b"; filename=a\r\n\r\n")
        for _ in range(15):
            advance(12)
            yield b"x" * 30_000
        yield FORM_ENDS

    kind = {"content-type": "multipart/form-data; boundary=b"}
    async with served.http() as http:
        answer = await http.post(PATH, content=steady(), headers=kind)
    assert answer.json()["error"]["message"] == "you must provide a model parameter"


async def test_what_is_being_transcribed_is_no_upload_any_more() -> None:
    more = asyncio.Event()
    async with serving(FakeRuntime(settings(max_uploads=1))) as served:
        await served.runtime.started.wait()
        served.runtime.steps = (more, *HELLO)
        first = asyncio.create_task(post(served))
        await served.runtime.opened.wait()
        second = asyncio.create_task(post(served))
        await served.runtime.opened_twice.wait()
        more.set()
        assert [(await each).status_code for each in (first, second)] == [200, 200]


@pytest.mark.parametrize("n_bytes", [100, 3 * BLOCK_BYTES])
async def test_uploads_leave_space_on_the_disk(
    spool: Path, monkeypatch: pytest.MonkeyPatch, n_bytes: int
) -> None:
    """The size of the disk is patched: filling a real one takes long."""
    free_bytes = 100 * MIB + 50
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_bytes))
    async with serving(FakeRuntime(settings(max_upload_mb=4))) as served:
        await served.runtime.started.wait()
        async with served.http() as http:
            files = {"file": ("a.wav", b"x" * n_bytes)}
            answer = await http.post(PATH, files=files, data={"model": "base"})
    assert error(answer) == (507, None, None)
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["message"] == (
        "No room for the recording: the disk of temporary files has 100 MiB left, of "
        "which 100 stay free (min_free_disk_mb)."
    )
    assert left(spool) == []


class FakeDisk:
    """A disk with room for so much besides what must stay free."""

    def __init__(self, folder: Path, room_bytes: int) -> None:
        self._folder = folder
        self._room_bytes = room_bytes

    def usage(self, _: str) -> SimpleNamespace:
        used = 0
        for path in self._folder.glob("*.upload"):
            with contextlib.suppress(FileNotFoundError):  # an upload that ends meanwhile
                used += path.stat().st_size
        return SimpleNamespace(free=100 * MIB + self._room_bytes - used)


async def test_uploads_that_were_let_in_have_their_room(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 20 uploads where three fitted 18 failed, in the middle: each was told that the disk had
    room, and none had it."""
    monkeypatch.setattr(shutil, "disk_usage", FakeDisk(spool, 10 * MIB).usage)
    monkeypatch.setattr(disk_space, "SETTLE_S", 60.0)  # however slow the disk is
    form = FORM.replace(b"audio", b"x" * (3 * MIB))
    async with (
        serving(FakeRuntime(settings(max_upload_mb=4))) as served,
        contextlib.AsyncExitStack() as stack,
    ):
        await served.runtime.started.wait()
        clients = [await stack.enter_async_context(connected(served)) for _ in range(20)]
        for client in clients:
            client.writer.write(post_bytes(form)[:-1])
        in_flight = served.server._in_flight
        await until(lambda: len(served.runtime.keys) == 20 and in_flight.n_uploads == 3)
        await until(lambda: all(path.stat().st_size >= 2 * MIB for path in left(spool, "*.upload")))
        for client in clients:
            client.writer.write(form[-1:])
        answers = [await client.answer() for client in clients]
        assert left(spool, "*.upload") == []
        again = await post(served)
    refused = [answer for answer in answers if answer.status != 200]
    assert {answer.status for answer in refused} == {507}
    assert len(refused) == 17
    assert {answer.headers["retry-after"] for answer in refused} == {"10"}
    assert (
        "MiB left, of which 100 stay free (min_free_disk_mb), and " in refused[0].error["message"]
    )
    assert again.status_code == 200


async def test_a_deadline_that_passes_ends_the_request(served: Served) -> None:
    served.runtime.steps = (HELLO[0], Lasting(10.5))
    answer = await post(served, {"x-auricle-deadline": "10.5"})
    assert error(answer) == (504, "deadline_exceeded", None)
    assert answer.json()["error"]["message"] == "The request was not answered within 10.5 seconds."
    assert answer.headers["x-should-retry"] == "false"
    assert served.runtime.cancelled.is_set()


async def test_a_deadline_in_a_stream_is_an_event(served: Served) -> None:
    served.runtime.steps = (HELLO[0], Lasting(10))
    answer = await post(served, {"x-auricle-deadline": "10"}, stream="true")
    assert answer.status_code == 200
    assert [
        event.get("delta") or event["error"]["code"]
        for event in events(answer.text, ends_with_done=False)
    ] == [
        "Hello there.",
        "deadline_exceeded",
    ]
    assert served.runtime.cancelled.is_set()


async def test_a_deadline_in_a_stream_without_text_yet_is_an_answer(served: Served) -> None:
    served.runtime.steps = (Lasting(10),)
    answer = await post(served, {"x-auricle-deadline": "10"}, stream="true")
    assert error(answer) == (504, "deadline_exceeded", None)


async def test_the_time_of_the_upload_counts(served: Served, spool: Path) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield FORM_BEGINS
        in_flight = served.server._in_flight
        await until(lambda: in_flight.n_uploads == 1)
        advance(10)
        await until(lambda: in_flight.n_uploads == 0)
        yield FORM_ENDS

    kind = {"content-type": "multipart/form-data; boundary=b", "x-auricle-deadline": "10"}
    async with served.http() as http:
        answer = await http.post(PATH, content=slow(), headers=kind)
    assert error(answer) == (504, "deadline_exceeded", None)
    assert left(spool) == []


@pytest.mark.parametrize("wish", ["soon", "0", "-1", "1e3", "nan", "604801", ""])
async def test_a_deadline_that_is_no_time_is_refused(served: Served, wish: str) -> None:
    answer = await post(served, {"x-auricle-deadline": wish})
    assert error(answer) == (400, "invalid_value", "X-Auricle-Deadline")
    assert "a number of seconds" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("wish", "server_s", "wanted"),
    [(None, 0, None), ("5.5", 0, 5.5), (None, 60, 60), ("5", 60, 5), ("90", 60, 60)],
)
async def test_the_sooner_deadline_counts(wish, server_s, wanted):
    headers = [] if wish is None else [(b"x-auricle-deadline", wish.encode())]
    request = Request({"type": "http", "headers": headers})
    assert Deadline.of(request, server_s).after_s == wanted


async def test_another_timeout_is_not_taken_for_the_deadline():
    with pytest.raises(TimeoutError, match="a pipe"):
        async with Deadline(60, asyncio.get_running_loop().time() + 60).kept():
            raise TimeoutError("a pipe")

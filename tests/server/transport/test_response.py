"""Answers that take long begin early, and read the same as those that do not."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import av
import httpx2
import pytest
import pytest_asyncio
from starlette.types import Message, Scope

from auricle.errors import BadMedia
from auricle.server.transport import context, response
from auricle.server.transport.context import RequestContext
from auricle.server.transport.in_flight import InFlight
from auricle.server.transport.response import (
    EVENTS,
    BodyFormat,
    ResponseWriter,
    body_format,
)
from tests.server.conftest import Log, Served, serving, settings
from tests.server.fakes import HELLO, FakeRuntime, Step

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/audio/transcriptions"
FILE = ("a.wav", b"audio")
SRT = (
    "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n"
    "2\n00:00:01,000 --> 00:00:02,500\nAnd you.\n\n"
)
VTT = (
    "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello there.\n\n"
    "00:00:01.000 --> 00:00:02.500\nAnd you.\n\n"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def eager() -> AsyncIterator[Served]:
    """A server that begins its answers as soon as it can."""
    runtime = FakeRuntime(settings(early_headers_s=0.001))
    async with serving(runtime) as served:
        await runtime.started.wait()
        yield served


class Begun:
    """An answer whose headers came while its transcription was held up."""

    def __init__(self, answer: httpx2.Response, more: asyncio.Event) -> None:
        self.answer = answer
        self.more = more

    async def rest(self) -> bytes:
        self.more.set()
        return await self.answer.aread()


async def begun(served: Served, http: httpx2.AsyncClient, wanted: str, *steps: Step) -> Begun:
    """Returns when the headers are there, which is before there is any text."""
    served.runtime.reset()
    more = asyncio.Event()
    served.runtime.steps = (more, *(steps or HELLO))
    request = http.build_request(
        "POST", PATH, data={"model": "base", "response_format": wanted}, files={"file": FILE}
    )
    return Begun(await http.send(request, stream=True), more)


@pytest.mark.parametrize("wanted", ["json", "verbose_json"])
async def test_json_is_padded_with_spaces(eager: Served, served: Served, wanted: str) -> None:
    async with served.http() as http:
        usual = await http.post(
            PATH, data={"model": "base", "response_format": wanted}, files={"file": FILE}
        )
    async with eager.http() as http:
        early_one = await begun(eager, http, wanted)
        headers = early_one.answer.headers
        body = await early_one.rest()
    assert (early_one.answer.status_code, headers["content-type"]) == (200, "application/json")
    assert headers["x-request-id"].startswith("req_")
    assert body == b" " + usual.content


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("vtt", VTT.replace("WEBVTT\n\n", "WEBVTT\n\n\n")), ("srt", "\n" + SRT)],
)
async def test_subtitles_are_padded_with_blank_lines(
    eager: Served, wanted: str, expected: str
) -> None:
    """A WebVTT file has to begin with its name; FFmpeg reads both as if nothing were there."""
    async with eager.http() as http:
        early_one = await begun(eager, http, wanted)
        body = await early_one.rest()
    assert early_one.answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert body.decode() == expected
    padded = body.replace(b"\n\n\n", b"\n" * 50) if wanted == "vtt" else b"\n" * 50 + body
    with av.open(io.BytesIO(padded), mode="r") as read:
        cues = [bytes(packet) for packet in read.demux() if packet.size]
    assert (read.format.name, cues) == (
        {"vtt": "webvtt", "srt": "srt"}[wanted],
        [b"Hello there.", b"And you."],
    )


async def test_text_is_not_padded(eager: Served) -> None:
    async with eager.http() as http:
        early_one = await begun(eager, http, "text")
        body = await early_one.rest()
    assert body == b"Hello there. And you.\n"


async def test_the_sdk_reads_a_padded_answer(eager: Served) -> None:
    eager.runtime.reset()
    more = asyncio.Event()
    eager.runtime.steps = (more, *HELLO)
    async with (
        eager.async_client() as client,
        client.audio.transcriptions.with_streaming_response.create(
            model="base", file=FILE, response_format="verbose_json"
        ) as answer,
    ):
        more.set()
        parsed = await answer.parse()
    assert (parsed.text, parsed.duration) == ("Hello there. And you.", 2.5)


@pytest.mark.parametrize(
    ("problem", "message", "code"),
    [
        (BadMedia("Damaged.", param="file", code="invalid_value"), "Damaged.", "invalid_value"),
        (RuntimeError("secret"), "The server had an error while processing your request. ", None),
    ],
)
async def test_an_error_after_the_beginning_is_an_envelope_in_json(
    eager: Served, problem: Exception, message: str, code: str | None
) -> None:
    """The status can no longer say it; the SDK gives the envelope as it is, and no text."""
    eager.runtime.reset()
    more = asyncio.Event()
    eager.runtime.steps = (more, problem)
    async with (
        eager.async_client() as client,
        client.audio.transcriptions.with_streaming_response.create(
            model="base", file=FILE
        ) as answer,
    ):
        more.set()
        parsed = (await answer.parse()).to_dict()
    assert list(parsed) == ["error"]
    detail = parsed["error"]
    assert isinstance(detail, dict)
    assert detail["message"].startswith(message)
    assert (answer.status_code, detail["code"]) == (200, code)


@pytest.mark.parametrize("wanted", ["text", "srt", "vtt"])
async def test_an_error_after_the_beginning_cuts_off_what_is_not_json(
    eager: Served, wanted: str, log: Log
) -> None:
    """An orderly end would look like the end of the text."""
    async with eager.http() as http:
        early_one = await begun(eager, http, wanted, BadMedia("Damaged."))
        with pytest.raises(httpx2.RemoteProtocolError):
            await early_one.rest()
    name = early_one.answer.headers["x-request-id"]
    warning, access = log.lines
    assert warning == f"cut off an answer that had begun: Damaged. ({name})"
    assert access.startswith("POST /v1/audio/transcriptions 200 in ")
    assert access.endswith(f" s, 2.5 s of audio, cut off ({name})")


async def test_a_client_that_leaves_a_begun_answer_cancels_its_transcription(
    eager: Served,
) -> None:
    async with eager.http() as http:
        early_one = await begun(eager, http, "json")
        await early_one.answer.aclose()
    await eager.runtime.cancelled.wait()


async def test_what_is_known_in_time_keeps_its_status(eager: Served) -> None:
    eager.runtime.reset()
    eager.runtime.refusal = BadMedia("No audio.", param="file")
    async with eager.http() as http:
        answer = await http.post(PATH, data={"model": "base"}, files={"file": FILE})
    assert answer.status_code == 400


class Sent:
    """A request whose answer is kept as it was sent."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.context = RequestContext("req_1", InFlight())
        self.scope: Scope = {"type": "http"}
        context.put(self.scope, self.context)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.context.status = message["status"]
        await self.messages.put(message)

    def writer(self, body: BodyFormat, begin_after_s: float) -> ResponseWriter:
        return ResponseWriter(self.scope, self.send, body, begin_after_s)


async def test_zero_turns_it_off() -> None:
    sent = Sent()
    writer = sent.writer(body_format("json", "application/json"), 0.0)
    async with writer.kept_alive():
        for _ in range(10):
            await asyncio.sleep(0)
    assert (sent.messages.qsize(), sent.context.has_begun) == (0, False)


async def test_comments_keep_a_silent_stream_open_and_begin_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A patched interval, because the real one is 15 s."""
    monkeypatch.setattr(response, "KEEP_ALIVE_S", 0)
    sent = Sent()
    async with sent.writer(EVENTS, 0.001).kept_alive():
        start, *others = [await sent.messages.get() for _ in range(3)]
    comment = {"type": "http.response.body", "body": b": keep-alive\n\n", "more_body": True}
    assert (start["status"], dict(start["headers"])) == (
        200,
        {
            b"content-type": b"text/event-stream; charset=utf-8",
            b"cache-control": b"no-cache",
            b"x-accel-buffering": b"no",
        },
    )
    assert others == [comment, comment]


async def test_what_begins_while_its_head_waits_has_it_once() -> None:
    """The client reads slowly: headers went out, then the answer was there before its head."""
    sent = Sent()
    writer = sent.writer(body_format("vtt", "text/vtt"), 0.0)
    sent.context.status = 200
    await writer.end(b"WEBVTT\n\ncue")
    (whole,) = [await sent.messages.get()]
    assert whole["body"] == b"WEBVTT\n\ncue"

"""Both clients, against a server that really listens and against ones that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

import auricle
from auricle import client as api
from auricle.errors import Overloaded
from tests.server.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAV = b"RIFF, says the fake runtime, which looks at nothing"


@dataclass
class Caller:
    """A client of either kind, called the same way."""

    is_async: bool
    options: dict[str, Any]

    async def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if self.is_async:
            async with auricle.AsyncClient(**self.options) as client:
                return await getattr(client, method)(*args, **kwargs)

        def call() -> Any:
            with auricle.Client(**self.options) as client:
                return getattr(client, method)(*args, **kwargs)

        return await asyncio.to_thread(call)

    async def events(self, *args: Any, **kwargs: Any) -> list[api.Event]:
        if self.is_async:
            async with auricle.AsyncClient(**self.options) as client:
                return [event async for event in client.stream(*args, **kwargs)]

        def call() -> list[api.Event]:
            with auricle.Client(**self.options) as client:
                return list(client.stream(*args, **kwargs))

        return await asyncio.to_thread(call)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def kind(request):
    return request.param


@pytest.fixture
def caller(kind, served: Served) -> Caller:
    return Caller(kind, {"base_url": served.url})


Handler = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture
def fake(kind) -> Callable[..., Caller]:
    """A caller of a server that is one function."""

    def make(handler: Handler, **options: Any) -> Caller:
        transport = httpx2.MockTransport(handler)
        return Caller(kind, {"transport": transport, **options})

    return make


async def test_a_transcription(caller: Caller, served: Served):
    answer = await caller("transcribe", WAV)
    assert answer.text == "Hello there. And you."
    assert (answer.language, answer.duration, answer.task) == ("english", 2.5, "transcribe")
    assert [segment.text for segment in answer.segments] == [" Hello there.", " And you."]
    assert (answer.usage.seconds, answer.words, answer.logprobs) == (3, None, None)
    assert answer.request_id.startswith("req_")
    assert served.runtime.asked[0][0] == WAV


async def test_fields_reach_the_server(caller: Caller, served: Served):
    await caller("transcribe", io.BytesIO(WAV), language="de", vad=False, beam_size=2)
    _, options = served.runtime.asked[0]
    assert (options.language, options.vad, options.beam_size) == ("de", False, 2)


async def test_subtitles_are_a_string(caller: Caller):
    assert (await caller("translate", WAV, response_format="vtt")).startswith("WEBVTT\n\n00:00")


async def test_a_stream(caller: Caller):
    assert await caller.events(WAV) == [
        api.TextDelta("Hello there."),
        api.TextDelta(" And you."),
        api.TextDone("Hello there. And you.", usage=api.Usage("duration", 3)),
    ]


async def test_models_and_health(caller: Caller):
    models = await caller("models")
    assert [(model.id, model.root, model.state) for model in models[:2]] == [
        ("base", "base", "ready"),
        ("small", "small", "unloaded"),
    ]
    health = await caller("health")
    assert (health.ready, health.status, health.model) == (True, "ok", "base")


async def test_an_upload_reports_its_progress(caller: Caller, tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(bytes(100_000))
    seen: list[tuple[int, int | None]] = []
    await caller("transcribe", path, progress=lambda *now: seen.append(now))
    assert seen == [(0, 100_000), (65_536, 100_000), (100_000, 100_000), (100_000, 100_000)]


@pytest.mark.parametrize(
    ("fields", "error", "status", "param", "code"),
    [
        ({"language": "klingon"}, api.BadRequest, 400, "language", "invalid_language_format"),
        ({"model": "no-such"}, api.NotFound, 404, None, "model_not_found"),
    ],
)
async def test_a_refusal_says_what_and_why(caller: Caller, fields, error, status, param, code):
    with pytest.raises(error) as refused:
        await caller("transcribe", WAV, **fields)
    found = refused.value
    assert (found.status, found.param, found.code) == (status, param, code)
    assert found.request_id is not None
    assert str(found) == f"{found.message} (status {status})"


async def test_too_large(caller: Caller):
    with pytest.raises(api.TooLarge):
        await caller("transcribe", bytes(2 * 1024 * 1024))


async def test_a_busy_server_is_asked_again_until_it_is_too_often(caller: Caller, served: Served):
    served.runtime.overload = Overloaded("full", code="rate_limit_exceeded", retry_after_s=99.0)
    with pytest.raises(api.Overloaded) as refused:
        await caller("transcribe", WAV)
    assert refused.value.retry_after_s == 99.0
    assert len(served.runtime.keys) == 1


class Script:
    """A server that gives its answers in order, and keeps what it was sent."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []
        self.headers: list[httpx2.Headers] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.headers.append(request.headers)
        self.bodies.append(request.content)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def busy(**headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(429, headers=named, json={"error": {"message": "full", "code": "x"}})


def fine() -> httpx2.Response:
    return httpx2.Response(200, content=b'   \n{"text": "hi", "new": 1}')


async def test_a_retry_sends_the_same_again(fake, tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(WAV)
    script = Script(busy(retry_after_ms="1"), busy(retry_after_ms="1"), fine())
    answer = await fake(script, api_key="sk-1")("transcribe", path)
    assert answer.text == "hi"
    assert len(script.bodies) == 3
    assert len(set(script.bodies)) == 1
    assert {headers["authorization"] for headers in script.headers} == {"Bearer sk-1"}


@pytest.mark.parametrize(
    "advice", [{"x_should_retry": "false", "retry_after_ms": "1"}, {"retry_after": "3600"}]
)
async def test_nothing_is_sent_again_that_should_not_be(fake, advice):
    script = Script(busy(**advice))
    with pytest.raises(api.Overloaded, match="full"):
        await fake(script)("transcribe", WAV)
    assert len(script.bodies) == 1


class Once(io.RawIOBase):
    """A recording that can be read once."""

    def readable(self):
        return True

    def read(self, _=-1):
        return b""


async def test_what_can_be_read_once_is_sent_once(fake):
    script = Script(busy(retry_after_ms="1"))
    with pytest.raises(api.Overloaded):
        await fake(script)("transcribe", Once())
    assert len(script.bodies) == 1


async def test_no_server(kind):
    caller = Caller(kind, {"base_url": "http://127.0.0.1:1/v1", "max_retries": 0})
    with pytest.raises(api.Unreachable, match=r"no server answers at http://127\.0\.0\.1:1:"):
        await caller("health")


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (httpx2.ReadTimeout("slow"), api.TimedOut),
        (httpx2.RemoteProtocolError("cut"), api.Unreachable),
    ],
)
async def test_a_broken_connection(fake, raised, error):
    with pytest.raises(error):
        await fake(Script(raised), max_retries=0)("transcribe", WAV)


async def test_a_failure_behind_a_good_status_is_one(fake):
    """A server that has kept a long wait alive can no longer change the status."""
    late = httpx2.Response(200, content=b'  {"error": {"message": "it broke", "code": "c"}}')
    with pytest.raises(api.ApiError, match="it broke") as failed:
        await fake(Script(late))("transcribe", WAV)
    assert (failed.value.status, failed.value.code) == (200, "c")


async def test_another_program_at_the_address(fake):
    page = httpx2.Response(200, content=b"<html>hello")
    with pytest.raises(api.NotUnderstood, match=r"no Transcription .*<html>hello"):
        await fake(Script(page))("transcribe", WAV)
    proxy = httpx2.Response(502, content=b"<html>bad gateway")
    with pytest.raises(api.ServerFailed, match="bad gateway"):
        await fake(Script(proxy), max_retries=0)("models")
    down = httpx2.Response(503, content=b"<html>down")
    with pytest.raises(api.Overloaded, match="down"):
        await fake(Script(down))("health")


async def test_a_server_that_is_starting_has_a_health(fake):
    body = {"status": "starting", "model": "base", "version": "1", "ready": False}
    health = await fake(Script(httpx2.Response(503, json=body)))("health")
    assert (health.ready, health.status) == (False, "starting")


def stream(*events: str) -> httpx2.Response:
    content = "".join(f"data: {event}\n\n" for event in events)
    return httpx2.Response(200, content=content.encode(), headers={"x-request-id": "req_1"})


DELTA = '{"type": "transcript.text.delta", "delta": "hi"}'
DONE = '{"type": "transcript.text.done", "text": "hi"}'


async def test_events_it_does_not_know_are_dropped(fake):
    script = Script(stream(DELTA, '{"type": "transcript.new"}', '{"other": 1}', DONE, "[DONE]"))
    assert await fake(script).events(WAV) == [api.TextDelta("hi"), api.TextDone("hi")]


async def test_a_stream_that_fails(fake):
    failing = stream(DELTA, '{"error": {"message": "it broke", "param": null}}', "[DONE]")
    with pytest.raises(api.ApiError, match="it broke") as failed:
        await fake(Script(failing)).events(WAV)
    assert failed.value.request_id == "req_1"


async def test_a_stream_that_is_cut_off_is_no_transcription(fake):
    with pytest.raises(api.Unreachable, match="before the transcription was done"):
        await fake(Script(stream(DELTA))).events(WAV)


async def test_leaving_a_stream_closes_it():
    closed: list[bool] = []

    class Endless(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield f"data: {DELTA}\n\n".encode()

        async def aclose(self) -> None:
            closed.append(True)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=Endless())

    async with auricle.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        async with contextlib.aclosing(client.stream(WAV)) as events:
            assert await anext(events) == api.TextDelta("hi")
        assert closed == [True]


async def test_an_address_that_is_none():
    with pytest.raises(ValueError, match="'localhost:50060' must begin with http://"):
        auricle.Client("localhost:50060")


async def test_typing_of_results() -> None:
    """What a type checker must know: a format decides the type of the answer."""

    async def checked(client: auricle.AsyncClient) -> tuple[str, api.Transcription]:
        return await client.transcribe(WAV, response_format="srt"), await client.translate(WAV)

    called: Callable[[auricle.AsyncClient], Awaitable[tuple[str, api.Transcription]]] = checked
    assert called is checked

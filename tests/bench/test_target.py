"""What is sent to a server and how its answers are read, through real sockets."""

from __future__ import annotations

import json
import socket
from email import message_from_bytes
from pathlib import Path

import pytest

from auricle.errors import AuricleError
from auricle_bench import session
from auricle_bench.clips import Clip
from auricle_bench.load import Limit
from auricle_bench.session import Phase, Plan
from auricle_bench.target import Answer, Client, Target
from tests.bench.fake_server import FakeServer, Request, answer, json_answer

CONTENT = bytes(range(256)) * 700
"""Longer than one piece of an upload."""


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    path = tmp_path / 'a "clip".wav'
    path.write_bytes(CONTENT)
    return Clip(path, 3.0, "de", "hallo")


def form(request: Request) -> dict[str, object]:
    """The parts of a multipart body, read by Python's own parser; the file as name and bytes."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    parts: dict[str, object] = {}
    for part in message_from_bytes(head + request.body).walk():
        if not part.is_multipart():
            name = part.get_param("name", header="content-disposition")
            parts[str(name)] = part.get_payload(decode=True)
            if part.get_filename() is not None:
                parts["file name"] = part.get_filename()
    return parts


def hello(_: Request | None) -> bytes:
    return json_answer({"text": " hello "})


def events(*each: object) -> bytes:
    lines = [f"data: {e if isinstance(e, str) else json.dumps(e)}\n\n" for e in each]
    return answer("".join([": keep-alive\n\n", *lines]).encode(), "text/event-stream")


async def ask(server: FakeServer, clip: Clip, **target: object) -> Answer:
    async with Client(Target(server.url, **target)) as client:  # type: ignore[arg-type]
        client.load([clip])
        return await client.ask(clip)


async def test_the_form_of_openai(clip):
    async with FakeServer(hello).running() as server:
        got = await ask(server, clip, fields=(("beam_size", "1"),), api_key="sk-1")
    assert (got.status, got.text, got.first_text_at) == ("200", "hello", None)
    assert got.sent_at is not None
    [request] = server.requests
    assert request.path == "/v1/audio/transcriptions"
    assert request.headers["authorization"] == "Bearer sk-1"
    assert form(request) == {
        "response_format": b"json",
        "model": b"whisper-1",
        "language": b"de",
        "beam_size": b"1",
        "file": CONTENT,
        "file name": "a %22clip%22.wav",
    }


async def test_the_form_of_whispercpp(clip):
    async with FakeServer(hello).running() as server:
        got = await ask(server, clip, dialect="whispercpp", detect_language=True)
    assert (got.status, got.text) == ("200", "hello")
    [request] = server.requests
    assert request.path == "/inference"
    assert form(request).keys() == {"response_format", "file", "file name"}


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://a:1", "http://a:1/v1/audio/transcriptions"),
        ("http://a:1/", "http://a:1/v1/audio/transcriptions"),
        ("http://a:1/v1", "http://a:1/v1/audio/transcriptions"),
        ("http://a:1/openai/v1/", "http://a:1/openai/v1/audio/transcriptions"),
    ],
)
def test_the_address_may_name_the_version(url, endpoint):
    assert Target(url).endpoint == endpoint


def test_given_fields_win(clip):
    target = Target("http://a", fields=(("language", "en"), ("response_format", "text")))
    assert target.form(clip) == {"response_format": "text", "model": "whisper-1", "language": "en"}


@pytest.mark.parametrize(
    ("raw", "status", "text", "complaint"),
    [
        (json_answer({"text": ""}), "200", "", None),
        (answer(b" plain \n", "text/plain; charset=utf-8"), "200", "plain", None),
        (answer(b"busy", "text/plain", 429), "429", None, "busy"),
        (json_answer({"error": "x"}, 500), "500", None, '{"error": "x"}'),
        (json_answer({"error": {"message": "bad file"}}, 400), "400", None, "bad file"),
        (json_answer({"txt": "x"}), "not a transcript", None, '{"txt": "x"}'),
        (answer(b"<html>", "text/html"), "not a transcript", None, "<html>"),
        (json_answer([1]), "not a transcript", None, "[1]"),
        (b"", "broken connection", None, None),
    ],
)
async def test_answers(clip, raw, status, text, complaint):
    async with FakeServer(lambda _: raw).running() as server:
        got = await ask(server, clip)
    assert (got.status, got.text, got.complaint) == (status, text, complaint)


async def test_a_stream_of_deltas(clip):
    raw = events(
        {"type": "transcript.text.delta", "delta": "Hel"},
        {"type": "transcript.text.delta", "delta": "lo"},
        {"type": "transcript.text.done", "text": "Hello"},
        "[DONE]",
    )
    async with FakeServer(lambda _: raw).running() as server:
        got = await ask(server, clip, stream=True)
    assert (got.status, got.text) == ("200", "Hello")
    assert got.first_text_at is not None
    assert got.sent_at is not None
    assert got.first_text_at >= got.sent_at
    assert form(server.requests[0])["stream"] == b"true"


async def test_a_stream_of_segments(clip):
    raw = events({"text": " One"}, {"text": " two."})
    async with FakeServer(lambda _: raw).running() as server:
        got = await ask(server, clip, stream=True)
    assert (got.status, got.text) == ("200", "One two.")


async def test_a_stream_without_speech_has_no_first_text(clip):
    raw = events({"type": "transcript.text.done", "text": ""})
    async with FakeServer(lambda _: raw).running() as server:
        got = await ask(server, clip, stream=True)
    assert (got.status, got.text, got.first_text_at) == ("200", "", None)


async def test_an_error_inside_a_stream(clip):
    raw = events({"text": "One"}, {"error": {"message": "engine died"}})
    async with FakeServer(lambda _: raw).running() as server:
        got = await ask(server, clip, stream=True)
    assert (got.status, got.text) == ("error event", None)
    assert got.complaint == 'data: {"error": {"message": "engine died"}}'


async def test_nobody_listens(clip):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(AuricleError, match=f"nobody answers at {url}/v1"):
            await session.run(Target(url), [clip], [Phase()], Plan())


async def test_requests_are_really_concurrent(clip):
    """None is answered before eight are open: a loop that asked less at a time would never end."""
    async with (
        FakeServer(hello, company=8).running() as server,
        Client(Target(server.url)) as client,
    ):
        result = await session.measure(client, [clip], Phase(8), Plan(Limit(16)))
    assert (server.most_open, len(server.requests)) == (8, 16)
    assert (result.summary.n_answered, result.summary.errors) == (16, {})


async def test_a_session_warms_up_first(clip):
    async with FakeServer(hello).running() as server:
        [result] = await session.run(Target(server.url), [clip], [Phase(2)], Plan(Limit(4)))
    assert (result.summary.n_requests, len(server.requests)) == (4, 1 + 4)


async def test_phases_are_reported_as_they_end_and_errors_are_counted(clip):
    answers = iter([hello(None), hello(None), json_answer({}, 429), json_answer({}, 503)] * 2)
    shown: list[session.Result] = []
    async with FakeServer(lambda _: next(answers)).running() as server:
        phases = [Phase(1), Phase(rate=1e6)]
        plan = Plan(Limit(3), accuracy_of=lambda _: {}, seed=1)
        results = await session.run(Target(server.url), [clip], phases, plan, shown.append)
    assert shown == results
    assert [each.summary.load for each in results] == ["c=1", "1e+06/s"]
    assert [each.summary.n_answered for each in results] == [1, 2]
    assert [each.summary.errors for each in results] == [{"429": 1, "503": 1}, {"429": 1}]
    assert results[0].summary.accuracy == {}


async def test_without_a_limit_every_clip_is_sent_and_every_place_is_filled(clip):
    async with FakeServer(hello).running() as server, Client(Target(server.url)) as client:
        few = await session.measure(client, [clip, clip, clip], Phase(2), Plan())
        many = await session.measure(client, [clip], Phase(5), Plan())
    assert (few.summary.n_requests, many.summary.n_requests) == (3, 5)

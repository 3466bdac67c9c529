"""OpenAI's Batch API, driven by its unmodified Python package."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types import Batch

from auricle.errors import EngineFailed
from tests.server.conftest import settings
from tests.server.fakes import HELLO, FakeRuntime
from tests.server.jobs.conftest import Serve

ENDPOINT: Any = "/v1/audio/transcriptions"  # the package's types name other endpoints alone
TRANSLATIONS: Any = "/v1/audio/translations"
OPEN = ("validating", "in_progress", "finalizing", "cancelling")


def audio(recording: bytes) -> dict[str, Any]:
    return {"input_audio": {"data": base64.b64encode(recording).decode(), "format": "wav"}}


def line(custom_id: str, url: str = ENDPOINT, **body: Any) -> dict[str, Any]:
    body = {"model": "whisper-1", **body}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body}


def jsonl(lines: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


async def begun(
    client: openai.AsyncOpenAI, lines: Sequence[Mapping[str, Any]] | bytes, url: Any = ENDPOINT
) -> Batch:
    content = lines if isinstance(lines, bytes) else jsonl(lines)
    file = await client.files.create(file=("lines.jsonl", content), purpose="batch")
    return await client.batches.create(
        input_file_id=file.id, endpoint=url, completion_window="24h", metadata={"day": "Monday"}
    )


async def ended(client: openai.AsyncOpenAI, batch_id: str) -> Batch:
    while (batch := await client.batches.retrieve(batch_id)).status in OPEN:
        pass
    return batch


async def content(client: openai.AsyncOpenAI, file_id: str | None) -> list[dict[str, Any]]:
    """The lines of a file; none where there is no file."""
    if file_id is None:
        return []
    text = (await client.files.content(file_id)).text
    return [json.loads(each) for each in text.splitlines()]


async def test_a_batch_from_its_lines_to_its_files(serve: Serve):
    async with serve() as server, server.served.async_client() as client:
        talk = await client.files.create(file=("talk.wav", b"RIFF talk"), purpose="user_data")
        batch = await begun(
            client,
            [
                line("one", **audio(b"RIFF one"), language="en"),
                line("two", file_id=talk.id, response_format="verbose_json"),
                line("three", file_id=talk.id, response_format="srt"),
                line("wrong", file_id=talk.id, temperature=2),
                line("gone", file_id="file-0"),
                line("odd", file_id=talk.id, model="nothing"),
                line("none"),
                line("broken", input_audio={"data": "no base64"}),
            ],
        )
        assert (batch.object, batch.status, batch.endpoint) == ("batch", "validating", ENDPOINT)
        done = await ended(client, batch.id)
        assert (done.status, done.metadata, done.errors) == ("completed", {"day": "Monday"}, None)
        assert done.request_counts is not None
        counts = done.request_counts
        assert (counts.total, counts.completed, counts.failed) == (8, 3, 5)
        assert done.in_progress_at is not None
        assert done.completed_at is not None

        output = {each["custom_id"]: each for each in await content(client, done.output_file_id)}
        assert list(output) == ["one", "two", "three"]
        assert output["one"]["error"] is None
        assert output["one"]["response"]["status_code"] == 200
        assert output["one"]["response"]["body"]["text"] == "Hello there. And you."
        assert len(output["two"]["response"]["body"]["segments"]) == 2
        assert output["three"]["response"]["body"].startswith("1\n00:00:00,000 -->")
        assert sorted(each[0] for each in server.runtime.asked) == [
            b"RIFF one",
            b"RIFF talk",
            b"RIFF talk",
        ]

        failed = {each["custom_id"]: each for each in await content(client, done.error_file_id)}
        assert {name: each["response"]["status_code"] for name, each in failed.items()} == {
            "wrong": 400,
            "gone": 404,
            "odd": 404,
            "none": 400,
            "broken": 400,
        }
        assert failed["wrong"]["response"]["body"]["error"]["param"] == "temperature"
        assert (await server.http.get("/v1/jobs")).json()["data"] == []


async def test_translations(serve: Serve):
    async with serve() as server, server.served.async_client() as client:
        lines = [line("one", TRANSLATIONS, **audio(b"RIFF"))]
        done = await ended(client, (await begun(client, lines, TRANSLATIONS)).id)
        assert done.status == "completed"
        assert server.runtime.asked[0][1].task == "translate"


@pytest.mark.parametrize(
    ("lines", "code", "number"),
    [
        (b"", "empty_file", None),
        (b"\n \n", "empty_file", None),
        (b"nonsense\n", "invalid_json_line", 1),
        (jsonl([line("a", file_id="f")]) + b"{}\n", "invalid_json_line", 2),
        (jsonl([line("a", "/v1/embeddings")]), "mismatched_endpoint", 1),
        (jsonl([line("a", file_id="f"), line("a", file_id="f")]), "invalid_json_line", 2),
        (jsonl([line("", file_id="f")]), "invalid_custom_id", 1),
        (jsonl([{**line("a"), "method": "GET"}]), "invalid_method", 1),
    ],
)
async def test_files_that_are_no_batch(serve: Serve, lines: bytes, code: str, number: int | None):
    async with serve() as server, server.served.async_client() as client:
        if not lines:
            with pytest.raises(openai.BadRequestError):
                await begun(client, lines)
            return
        batch = await ended(client, (await begun(client, lines)).id)
        assert (batch.status, batch.output_file_id) == ("failed", None)
        assert batch.errors is not None
        assert batch.errors.data is not None
        assert [(each.code, each.line) for each in batch.errors.data] == [(code, number)]


async def test_lines_whose_values_are_none_fail_alone(serve: Serve):
    """One with bytes that are no UTF-8 kept its batch, and all after it, waiting for ever."""
    async with serve() as server, server.served.async_client() as client:
        server.runtime.steps = HELLO
        lines = [
            line("bytes", **audio(b"RIFF"), language="??"),
            line("no object", input_audio=5),
            line("good", **audio(b"RIFF")),
        ]
        done = await ended(client, (await begun(client, jsonl(lines).replace(b"??", b"\xff"))).id)
        assert done.status == "completed"
        assert done.request_counts is not None
        assert (done.request_counts.completed, done.request_counts.failed) == (1, 2)
        assert done.error_file_id is not None
        text = (await client.files.content(done.error_file_id)).text
        assert [json.loads(each)["response"]["status_code"] for each in text.splitlines()] == [
            400,
            400,
        ]


async def test_a_cancelled_batch_keeps_what_is_done(serve: Serve):
    async with serve(jobs_at_once=1) as server, server.served.async_client() as client:
        lines = [line(str(n), **audio(b"RIFF")) for n in range(4)]
        server.runtime.steps = HELLO
        batch = await begun(client, lines[:1])
        await ended(client, batch.id)
        server.runtime.steps = [asyncio.Event()]
        server.runtime.opened.clear()
        batch = await begun(client, lines)
        await server.runtime.opened.wait()
        assert (await client.batches.cancel(batch.id)).status in ("cancelling", "cancelled")
        done = await ended(client, batch.id)
        assert (done.status, done.output_file_id) == ("cancelled", None)
        failed = await content(client, done.error_file_id)
        assert [each["error"]["code"] for each in failed] == ["batch_cancelled"] * 4
        with pytest.raises(openai.ConflictError):
            await client.batches.cancel(batch.id)


async def test_a_batch_goes_on_in_the_next_server(serve: Serve):
    async with serve() as server, server.served.async_client() as client:
        server.runtime.steps = [asyncio.Event()]
        batch = await begun(client, [line(str(n), **audio(b"RIFF")) for n in range(3)])
        await server.runtime.opened.wait()
    async with serve(FakeRuntime(settings())) as server, server.served.async_client() as client:
        done = await ended(client, batch.id)
        assert done.status == "completed"
        assert [each["custom_id"] for each in await content(client, done.output_file_id)] == [
            "0",
            "1",
            "2",
        ]


async def test_a_damaged_result_is_the_trouble_of_its_line_alone(serve: Serve, tmp_path: Path):
    """Its batch never ended."""
    gate = asyncio.Event()
    async with serve(jobs_at_once=1) as server, server.served.async_client() as client:
        server.runtime.steps = [gate]
        batch = await begun(client, [line(str(n), **audio(b"RIFF")) for n in range(2)])
        await server.runtime.opened.wait()
        server.runtime.steps = [asyncio.Event()]
        gate.set()
        await server.runtime.opened_twice.wait()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "jobs.sqlite3")) as database:
        database.execute("UPDATE transcripts SET transcript = ?", (b"\xc1spoilt",))
        database.commit()
    async with serve(FakeRuntime(settings())) as server, server.served.async_client() as client:
        done = await ended(client, batch.id)
        assert done.status == "completed"
        assert [each["custom_id"] for each in await content(client, done.output_file_id)] == ["1"]
        (failed,) = await content(client, done.error_file_id)
        assert (failed["custom_id"], failed["response"]["status_code"]) == ("0", 500)
        assert failed["response"]["body"]["error"]["code"] == "job_damaged"


async def test_what_fails_is_in_the_file_of_errors(serve: Serve):
    async with serve() as server, server.served.async_client() as client:
        server.runtime.steps = [EngineFailed("It broke.")]
        done = await ended(client, (await begun(client, [line("a", **audio(b"RIFF"))])).id)
        (failed,) = await content(client, done.error_file_id)
        assert failed["response"]["status_code"] == 500
        assert failed["response"]["body"]["error"]["message"] == "It broke."


async def test_files_are_listed_and_deleted(serve: Serve, tmp_path: Path):
    async with serve() as server, server.served.async_client() as client:
        made = [
            await client.files.create(
                file=(f"{n}.wav", b"RIFF"),
                purpose="user_data" if n else "batch",
                expires_after={"anchor": "created_at", "seconds": 3600 * (n + 1)},
            )
            for n in range(3)
        ]
        first = made[0]
        assert (first.filename, first.bytes, first.purpose, first.status) == (
            "0.wav",
            4,
            "batch",
            "processed",
        )
        assert first.expires_at == first.created_at + 3600
        assert [each.id async for each in client.files.list(limit=1)] == [
            each.id for each in reversed(made)
        ]
        listed = client.files.list(purpose="batch")
        assert [each.id async for each in listed] == [first.id]
        assert (await client.files.retrieve(first.id)).id == first.id
        assert (await client.files.delete(first.id)).deleted
        with pytest.raises(openai.NotFoundError):
            await client.files.content(first.id)
        assert len(list((tmp_path / "data" / "recordings").iterdir())) == 2
        for wrong in ({"purpose": "vision"}, {"purpose": "batch", "expires_after": EXPIRES}):
            with pytest.raises(openai.BadRequestError):
                await client.files.create(file=("x", b"x"), **wrong)


EXPIRES = {"anchor": "created_at", "seconds": 1}


async def test_batches_are_listed(serve: Serve):
    async with serve() as server, server.served.async_client() as client:
        ids = [(await begun(client, [line("a", **audio(b"RIFF"))])).id for _ in range(3)]
        listed = [each.id async for each in client.batches.list(limit=2)]
        assert listed == list(reversed(ids))


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "soon"}, "completion_window"),
        ({"metadata": {"x" * 65: "y"}}, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, "output_expires_after"),
        ({"input_file_id": "file-0"}, "input_file_id"),
    ],
)
async def test_batches_that_cannot_be(serve: Serve, changes: dict[str, Any], param: str):
    async with serve() as server, server.served.async_client() as client:
        file = await client.files.create(file=("x", b"x"), purpose="batch")
        asked = {"input_file_id": file.id, "endpoint": ENDPOINT, "completion_window": "24h"}
        with pytest.raises(openai.APIStatusError) as caught:
            await client.batches.create(**{**asked, **changes})
        assert caught.value.param == param


async def test_a_recording_is_no_file_of_lines(serve: Serve):
    async with serve() as server, server.served.async_client() as client:
        file = await client.files.create(file=("x", b"x"), purpose="user_data")
        with pytest.raises(openai.BadRequestError, match="purpose"):
            await client.batches.create(
                input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h"
            )


async def test_a_key_has_its_own_files_and_batches(serve: Serve):
    async with (
        serve(api_keys=("sk-ann", "sk-bob")) as server,
        server.served.async_client("sk-ann") as ann,
        server.served.async_client("sk-bob") as bob,
    ):
        talk = await ann.files.create(file=("talk.wav", b"RIFF"), purpose="user_data")
        batch = await begun(ann, [line("a", file_id=talk.id)])
        for asking in (bob.files.retrieve(talk.id), bob.files.content(talk.id)):
            with pytest.raises(openai.NotFoundError):
                await asking
        with pytest.raises(openai.NotFoundError):
            await bob.batches.retrieve(batch.id)
        stolen = await ended(bob, (await begun(bob, [line("a", file_id=talk.id)])).id)
        (failed,) = await content(bob, stolen.error_file_id)
        assert failed["response"]["status_code"] == 404

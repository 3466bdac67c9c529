"""Forms as odd clients send them, and forms nobody should send; nothing is ever left on disk."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from auricle.server.transport import body, requests, upload
from auricle.types import DecodeOptions
from tests.server.conftest import Served
from tests.server.fakes import HELLO

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/audio/transcriptions"
KIND = "multipart/form-data; boundary=XX"
ANSWER = {"text": "Hello there. And you.", "usage": {"type": "duration", "seconds": 3}}
MIB = 1024 * 1024


def part(name: str, value: bytes | str, extra: str = "") -> bytes:
    body = value.encode() if isinstance(value, str) else value
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + (
        body + b"\r\n"
    )


def file(data: bytes = b"audio", *, name: str = "a.wav", kind: str = "audio/wav") -> bytes:
    return part("file", data, f'; filename="{name}"\r\nContent-Type: {kind}')


MODEL = part("model", "base")
END = b"--XX--\r\n"


async def post(served: Served, body: bytes, kind: str = KIND) -> httpx2.Response:
    async with served.http() as http:
        return await http.post(PATH, content=body, headers={"content-type": kind})


def left(spool: Path) -> list[Path]:
    return list(spool.iterdir())


def error(answer: httpx2.Response) -> tuple[int, str, str | None]:
    detail = answer.json()["error"]
    return answer.status_code, detail["message"], detail["param"]


@pytest.mark.parametrize(
    "body",
    [
        MODEL + file() + END,
        file() + MODEL + END,
        file(name="upload", kind="application/octet-stream") + MODEL + END,
        file(kind="audio/webm;codecs=opus") + MODEL + END,
        part("file", "audio") + MODEL + END,
        b"\r\n" + file() + MODEL + b"--XX--",
        file() + MODEL + END + b"epilogue",
        b"preamble\r\n" + file() + MODEL + END,
        b"--XXL is no boundary, nor is --XX\r\n\r\n" + file() + MODEL + END,
        file(name='Grüße \\" ;.wav') + MODEL + END,
    ],
)
async def test_a_form_in_any_order_and_dress(served: Served, spool: Path, body: bytes) -> None:
    answer = await post(served, body)
    assert (answer.status_code, answer.json()) == (200, ANSWER)
    assert served.runtime.asked == [(b"audio", DecodeOptions())]
    assert left(spool) == []


@pytest.mark.parametrize("n_bytes", [1, 7, 100_000])
async def test_a_chunked_upload_without_content_length(
    served: Served, spool: Path, n_bytes: int
) -> None:
    # Full of starts of the boundary, and nowhere the whole of it
    data = os.urandom(300_000 if n_bytes > 10 else 300).replace(b"X", b"Y")
    data = data.replace(b"\r", b"\r\n--X")
    body = file(data) + MODEL + END

    async def pieces() -> AsyncIterator[bytes]:
        for i in range(0, len(body), n_bytes):
            yield body[i : i + n_bytes]

    async with served.http() as http:
        answer = await http.post(PATH, content=pieces(), headers={"content-type": KIND})
    assert answer.json() == ANSWER
    assert "content-length" not in answer.request.headers
    assert served.runtime.asked == [(data, DecodeOptions())]
    assert left(spool) == []


async def test_large_recordings_are_spooled_in_blocks(served: Served, spool: Path) -> None:
    data = os.urandom(MIB - 1000)
    answer = await post(served, MODEL + file(data) + END)
    assert answer.status_code == 200
    assert served.runtime.asked == [(data, DecodeOptions())]


async def test_fields_are_utf8(served: Served) -> None:
    answer = await post(served, MODEL + part("prompt", "Grüße, 你好") + file() + END)
    assert answer.status_code == 200
    assert served.runtime.asked == [(b"audio", DecodeOptions(prompt="Grüße, 你好"))]


TWICE = "'file' was sent twice; send one recording."
EMPTY = "The recording in 'file' is empty (0 bytes)."
MISSING = "Missing required parameter: 'file'."


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        (MODEL + file() + file() + END, TWICE, "file"),
        (MODEL + file(b"") + END, EMPTY, "file"),
        (MODEL + END, MISSING, "file"),
        (MODEL + part("file", "") + END, MISSING, "file"),
        (file() + END, "you must provide a model parameter", None),
        (END, "you must provide a model parameter", None),
        (MODEL + file(), "The multipart body ends before its closing boundary.", None),
        (b"", "The multipart body ends before its closing boundary.", None),
        (
            MODEL + part("audio", "x", '; filename="x.wav"') + END,
            "'audio' is a file; the only file a request may carry is 'file'.",
            "audio",
        ),
        (
            b"--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END,
            "A part of the form has no name in its Content-Disposition.",
            None,
        ),
        (
            part("prompt", "x", "\r\nContent-Transfer-Encoding: base64") + END,
            "'prompt' has a Content-Transfer-Encoding; send plain bytes instead.",
            "prompt",
        ),
        (
            MODEL + part("prompt", "x" * 65_537) + END,
            "'prompt' is longer than 65536 bytes.",
            "prompt",
        ),
        (
            MODEL + part("prompt", b"\xff\xfe") + END,
            "The form is not UTF-8: 'prompt' has other bytes in it.",
            None,
        ),
        (MODEL * 257 + END, "The form has more than 256 parts.", None),
    ],
)
async def test_a_form_that_is_refused(
    served: Served, spool: Path, body: bytes, message: str, param: str | None
) -> None:
    assert error(await post(served, body)) == (400, message, param)
    assert served.runtime.asked == []
    assert left(spool) == []


async def test_what_is_no_form_is_refused(served: Served) -> None:
    malformed = [
        error(await post(served, body))
        for body in (b"what is this", b"x" * 9000 + b"\r\n" + MODEL + file() + END, b"--XX\nx")
    ]
    assert (
        malformed
        == [
            (
                400,
                "The multipart body is malformed: the boundary that Content-Type names is not in "
                "its first 8192 bytes.",
                None,
            )
        ]
        * 3
    )
    assert [
        error(await post(served, b"{}", kind))
        for kind in ("text/json", "multipart/form-data", f"{KIND}{'X' * 300}")
    ] == [
        (
            400,
            "Content-Type must be multipart/form-data or application/json, but got 'text/json'.",
            None,
        ),
        (400, "Content-Type multipart/form-data has no boundary parameter.", None),
        (
            400,
            "The multipart boundary is not usable: Boundary length 302 exceeds maximum of 256.",
            None,
        ),
    ]


async def test_too_large_is_answered_after_the_whole_body_was_read(
    served: Served, spool: Path
) -> None:
    """Node's client reports a broken pipe when the answer comes before its upload has ended; this
    client therefore writes everything before it reads anything."""
    body = MODEL + file(b"x" * (3 * MIB)) + END
    for framing in ("content-length", "chunked"):
        reader, writer = await asyncio.open_connection(*served.address)
        writer.write(head(framing, len(body)))
        writer.write(body if framing == "content-length" else chunked(body))
        await writer.drain()
        head_lines, answer = await read_answer(reader)
        limit = f"Maximum content size limit ({MIB}) exceeded ("
        assert head_lines[0] == "HTTP/1.1 413 Request Entity Too Large"
        assert answer["error"]["message"].startswith(limit)
        assert answer["error"]["type"] == "server_error"
        assert any(line.startswith("x-request-id: req_") for line in head_lines)
        writer.close()
        await writer.wait_closed()
    assert left(spool) == []


async def test_a_client_that_waits_for_leave_need_not_send_what_is_refused(
    served: Served,
) -> None:
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(head("content-length", 5 * MIB, "Expect: 100-continue\r\n"))
    head_lines, _ = await read_answer(reader)
    assert head_lines[0] == "HTTP/1.1 413 Request Entity Too Large"
    assert "connection: close" in head_lines
    writer.close()
    await writer.wait_closed()


async def test_reading_a_refused_upload_has_an_end(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A patched limit, because the real one is a gigabyte."""
    monkeypatch.setattr(requests, "DRAIN_MAX_BYTES", 1000)
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(head("content-length", 5 * MIB) + b"x" * 2000)
    head_lines, _ = await read_answer(reader)
    assert head_lines[0] == "HTTP/1.1 413 Request Entity Too Large"
    assert "connection: close" in head_lines
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_leaves_while_uploading_leaves_nothing(
    served: Served, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Unread(Exception):
        pass

    async def half() -> AsyncIterator[bytes]:
        yield (MODEL + file(b"x" * 500_000))[:400_000]
        raise Unread

    async with served.http() as http:
        with pytest.raises(Unread):
            await http.post(PATH, content=half(), headers={"content-type": KIND})
    async with served.http() as http:
        while left(spool):
            await http.get("/health")
    assert (await post(served, MODEL + file() + END)).status_code == 200
    assert served.runtime.asked == [(b"audio", DecodeOptions())]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_an_upload_that_stops_in_the_middle_is_given_up(
    served: Served, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once: the rest, for which other refusals wait, does not come. Patched limits, because the
    real ones are minutes."""
    monkeypatch.setattr(body, "PERIOD_S", 0.05)
    monkeypatch.setattr(requests, "DRAIN_MAX_S", 3600.0)
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(head("content-length", 500_000) + MODEL + file(b"x" * 1000))
    head_lines, answer = await read_answer(reader)
    writer.close()
    await writer.wait_closed()
    assert head_lines[0] == "HTTP/1.1 408 Request Timeout"
    assert "connection: close" in head_lines
    assert answer["error"]["message"] == "The upload brought less than 51 bytes in 0.05 seconds."
    assert left(spool) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
async def test_a_full_disk_is_said_and_survived(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The temporary file is patched to be one that is always full."""

    def full(**_: str) -> tuple[int, str]:
        return os.open("/dev/full", os.O_WRONLY), str(tmp_path / "never made")

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", full)
        answer = await post(served, MODEL + file() + END)
    assert error(answer) == (507, upload.FULL, None)
    assert answer.headers["x-should-retry"] == "false"
    assert (await post(served, MODEL + file() + END)).status_code == 200


@pytest.mark.skipif(sys.platform == "win32", reason="file modes")
async def test_only_this_user_can_read_an_upload(served: Served, spool: Path) -> None:
    more = asyncio.Event()
    served.runtime.steps = (more, *HELLO)
    asking = asyncio.create_task(post(served, MODEL + file() + END))
    await served.runtime.opened.wait()
    modes = [path.stat().st_mode & 0o777 for path in left(spool)]
    more.set()
    await asking
    assert modes == [0o600]


def head(framing: str, n_bytes: int, extra: str = "") -> bytes:
    chunked = framing == "chunked"
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {n_bytes}"
    lines = f"Host: localhost\r\nContent-Type: {KIND}\r\n{extra}{length}"
    return f"POST {PATH} HTTP/1.1\r\n{lines}\r\n\r\n".encode()


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


async def read_answer(reader: asyncio.StreamReader) -> tuple[list[str], dict[str, dict[str, str]]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    length = next(int(line.split(": ")[1]) for line in lines if line.startswith("content-length"))
    answer: dict[str, dict[str, str]] = json.loads(await reader.readexactly(length))
    return lines, answer

"""Any bytes at all, in pieces of any size, are a form or a refusal: read by the real code, without
a network."""

from __future__ import annotations

import asyncio
import tempfile
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from auricle.errors import AuricleError
from auricle.fields.table import FIELDS
from auricle.server.fields import audio_request
from auricle.server.transport import multipart, upload
from auricle.settings.config import Settings

MAX_BYTES = 200_000
LIMITS = upload.Limits(MAX_BYTES)
SETTINGS = Settings()


def read(
    kind: str, pieces: Iterable[bytes], limits: upload.Limits = LIMITS
) -> tuple[upload.Upload, bytes | None]:
    """The upload these pieces are, and its file's content; what was written is gone after it."""
    waiting = iter(pieces)

    async def receive() -> Message:
        piece = next(waiting, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def reading() -> tuple[upload.Upload, bytes | None]:
        headers = [(b"content-type", kind.encode("latin-1", "replace"))]
        request = Request({"type": "http", "headers": headers}, receive)
        async with multipart.received(request, limits) as sent:
            return sent, content(sent)

    with tempfile.TemporaryDirectory() as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            return asyncio.run(reading())
        finally:
            tempfile.tempdir = before
            assert list(Path(folder).iterdir()) == []


def content(sent: upload.Upload) -> bytes | None:
    """The file, unless it is large."""
    return None if sent.file is None or sent.file_bytes > MAX_BYTES else sent.file.read_bytes()


def cut(body: bytes, sizes: Iterable[int]) -> list[bytes]:
    """``body`` in pieces; the last takes what is left."""
    pieces = []
    for size in sizes:
        pieces.append(body[:size])
        body = body[size:]
    return [*pieces, body]


NAMES = st.one_of(
    st.sampled_from([field.name for field in FIELDS]),
    st.sampled_from(["a[b][c]", "extra_body[model]", "file[]", "[", "]", "x" * 300, "file[0]"]),
    st.text(st.characters(exclude_characters='"\r\n\\', exclude_categories=["Cs"]), max_size=12),
)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"whisper-1", b"true", b"1e999", b"[" * 3000, b'{"type":' * 900, b"--XX\r\n"]),
    st.integers(0, 70_000).map(lambda n: b"v" * n),
)
EXTRAS = st.sampled_from(
    [
        "",
        '; filename="a.wav"',
        "; filename=",
        "\r\nContent-Type: audio/wav",
        "\r\nContent-Transfer-Encoding: base64",
        "\r\nX: " + "y" * 9000,
        "\r\nX: y" * 20,
    ]
)
PARTS = st.builds(
    lambda name, extra, value: (
        f'--XX\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode()
        + value
        + b"\r\n"
    ),
    NAMES,
    EXTRAS,
    VALUES,
)
ENDS = st.sampled_from([b"--XX--\r\n", b"--XX--", b"--XX", b"", b"--XX--\r\nepilogue", b"--XX\r\n"])
BODIES = st.one_of(
    st.builds(lambda parts, end: b"".join(parts) + end, st.lists(PARTS, max_size=4), ENDS),
    st.binary(max_size=300),
    st.lists(
        st.sampled_from([b"--XX", b"\r\n", b"--", b"Content-Disposition: form-data; name=x", b":"]),
        max_size=20,
    ).map(b"".join),
)
KINDS = st.one_of(
    st.just("multipart/form-data; boundary=XX"),
    st.sampled_from(["multipart/form-data", 'multipart/form-data; boundary="', "text/plain", ""]),
    st.text(max_size=90).map(lambda boundary: f"multipart/form-data; boundary={boundary}"),
)
SIZES = st.lists(st.integers(0, 200), max_size=30)


@settings(max_examples=200)
@given(KINDS, BODIES, SIZES)
def test_any_bytes_are_a_request_or_a_refusal(kind: str, body: bytes, sizes: list[int]) -> None:
    try:
        sent, content = read(kind, cut(body, sizes))
        assert sent.file_bytes == len(content or b"")
        audio_request.parse(sent.fields, "transcribe", SETTINGS)
        status = 200
    except AuricleError as exc:
        status = exc.status
    assert status in (200, 400, 413)


@settings(max_examples=60)
@given(st.binary(max_size=200), st.text(max_size=20), SIZES)
def test_what_was_sent_arrives_whatever_the_pieces(
    data: bytes, prompt: str, sizes: list[int]
) -> None:
    data, text = data.replace(b"XX", b"YY"), prompt.replace("XX", "YY")
    body = (
        b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nA'
        + data
        + b'\r\n--XX\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n'
        + text.encode()
        + b"\r\n--XX--\r\n"
    )
    sent, content = read("multipart/form-data; boundary=XX", cut(body, sizes))
    assert (content, sent.fields) == (b"A" + data, (("prompt", text),))


def test_a_form_split_at_every_byte() -> None:
    """The same form, cut once at each of its places, and into pieces of each size."""
    body = (
        b'--XX\r\nContent-Disposition: form-data; name="model"\r\n\r\nbase\r\n'
        b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        b"\r\n--X\r\n-\r\n--XY\r\n--XX--\r\n"
    )
    kind = "multipart/form-data; boundary=XX"
    whole = read(kind, [body])
    assert (whole[1], whole[0].fields) == (b"\r\n--X\r\n-\r\n--XY", (("model", "base"),))
    cuts = [cut(body, [at]) for at in range(len(body))]
    steps = [cut(body, [size] * (len(body) // size)) for size in range(1, 30)]
    for pieces in (*cuts, *steps):
        sent, content = read(kind, pieces)
        assert (content, sent.fields) == (whole[1], whole[0].fields)


def test_memory_does_not_grow_with_the_upload() -> None:
    """Only a block of it waits for the disk, and a field that grows is refused."""
    n_pieces, piece = 1024, bytes(16 * 1024)

    def pieces() -> Iterator[bytes]:
        yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(n_pieces):
            yield piece
        yield b"\r\n--XX--\r\n"

    kind = "multipart/form-data; boundary=XX"
    tracemalloc.start()
    try:
        sent, _ = read(kind, pieces(), upload.Limits(64 * upload.MIB))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent.file_bytes == n_pieces * len(piece)
    assert peak_bytes < 4 * upload.BLOCK_BYTES

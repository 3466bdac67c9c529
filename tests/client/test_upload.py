"""Forms as another parser reads them, and recordings read piece by piece."""

from __future__ import annotations

import io
import os
import threading

import pytest

from auricle.client.upload import PIECE_BYTES, Upload
from tests.client.forms import parsed_form

FIELDS = [("model", "whisper-1"), ("keywords[]", "Ærø"), ("keywords[]", "a\r\nb")]


def body(upload: Upload) -> bytes:
    return b"".join(upload.pieces())


def test_the_form_holds_fields_then_recording(tmp_path):
    path = tmp_path / 'a "talk"\n.wav'
    path.write_bytes(b"RIFF\r\n--x")
    upload = Upload(path, FIELDS, None)
    content = body(upload)
    assert upload.headers["content-length"] == str(len(content))
    assert parsed_form(upload.headers["content-type"], content) == [
        *(("form", name, value.encode()) for name, value in FIELDS),
        ("file", "a %22talk%22%0A.wav", b"RIFF\r\n--x"),
    ]


@pytest.mark.parametrize(
    ("recording", "name"),
    [(b"abc", "recording"), (io.BytesIO(b"abc"), "recording")],
    ids=["bytes", "file without a name"],
)
def test_a_recording_without_a_name_has_one(recording, name):
    upload = Upload(recording, [], None)
    assert parsed_form(upload.headers["content-type"], body(upload)) == [("file", name, b"abc")]


def test_an_open_file_is_sent_from_where_it_stands_each_time():
    file = io.BytesIO(b"header" + b"abc")
    file.seek(6)
    upload = Upload(file, [], None)
    first = body(upload)
    assert first == body(upload)
    assert b"header" not in first
    assert upload.is_repeatable


def test_a_pipe_is_sent_once_without_a_length():
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe:
        upload = Upload(pipe, [], None)
        with open(writing, "wb") as other_end:
            other_end.write(b"abc")
        assert not upload.is_repeatable
        assert "content-length" not in upload.headers
        content = body(upload)
        assert parsed_form(upload.headers["content-type"], content)[0][2] == b"abc"


def test_a_file_in_text_mode_is_refused():
    with pytest.raises(TypeError, match="open it with 'rb'"):
        Upload(io.StringIO("abc"), [], None)  # type: ignore[arg-type]  # what is refused


def test_a_missing_file_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Upload(tmp_path / "none.wav", [], None)


class Endless(io.RawIOBase):
    """A gigabyte of silence that exists only while it is read."""

    def __init__(self):
        self.left = 1024 * PIECE_BYTES
        self.largest = 0

    def readable(self):
        return True

    def read(self, size=-1):
        self.largest = max(self.largest, size)
        given = min(size, self.left)
        self.left -= given
        return bytes(given)


def test_no_more_than_a_piece_is_held():
    file = Endless()
    upload = Upload(file, [], None)  # type: ignore[arg-type]  # all of BinaryIO it needs
    assert max(len(piece) for piece in upload.pieces()) == PIECE_BYTES
    assert (file.largest, file.left) == (PIECE_BYTES, 0)


async def test_async_pieces_are_the_same_and_progress_stays_in_the_loop(tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(bytes(PIECE_BYTES + 10))
    seen = []

    def progress(n_sent, n_all):
        seen.append((n_sent, n_all, threading.current_thread()))

    upload = Upload(path, FIELDS, progress)
    content = b"".join([piece async for piece in upload.async_pieces()])
    here = threading.current_thread()
    total = PIECE_BYTES + 10
    assert seen == [(n_sent, total, here) for n_sent in (0, PIECE_BYTES, total, total)]
    assert content == body(upload)

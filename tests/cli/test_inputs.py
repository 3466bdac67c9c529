"""Which files are read, and what the files written are called."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from auricle.cli.inputs import Input, check, find, targets
from auricle.errors import AuricleError
from auricle.media.formats import SUFFIXES


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.mp3", "a.WAV", "notes.txt", "sub/c.m4a", ".hidden/d.wav", "sub/.e.wav"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "tree"


def named(relative: str, label: str = "") -> Input:
    return Input(Path(relative), label or relative, Path(relative))


def test_a_folder_gives_its_recordings_in_order(tree, tmp_path):
    assert find([str(tree)], tmp_path) == [
        Input(tree / "a.WAV", str(tree / "a.WAV"), Path("a.WAV")),
        Input(tree / "b.mp3", str(tree / "b.mp3"), Path("b.mp3")),
        Input(tree / "sub" / "c.m4a", str(tree / "sub" / "c.m4a"), Path("sub/c.m4a")),
    ]


def test_a_file_named_by_itself_may_be_called_anything(tree, tmp_path):
    path = str(tree / "notes.txt")
    assert find([path, "missing"], tmp_path) == [
        Input(Path(path), path, Path("notes.txt")),
        Input(Path("missing"), "missing", Path("missing")),
    ]


def test_a_folder_without_recordings_is_refused(tree, tmp_path):
    (tree / "empty").mkdir()
    with pytest.raises(click.UsageError, match="no audio or video files in"):
        find([str(tree / "empty")], tmp_path)


def test_standard_input_becomes_a_file(tmp_path, monkeypatch):
    # The process's own standard input is the edge here; nothing of ours is replaced.
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"RIFF")))
    (found,) = find(["-"], tmp_path)
    assert found == Input(tmp_path / "stdin", "standard input", Path("stdin"), is_copy=True)
    assert found.path.read_bytes() == b"RIFF"


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes on Windows")
def test_a_pipe_becomes_a_file(tmp_path):
    """As ``<(command)`` makes one; decoders want to read twice, and waited for a writer."""
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"RIFF",))
    writer.start()
    (found,) = find([str(pipe)], tmp_path)
    writer.join()
    assert found == Input(tmp_path / "pipe-0", str(pipe), Path("pipe.wav"), is_copy=True)
    assert found.path.read_bytes() == b"RIFF"


def test_a_full_disk_is_said_to_be_full(tmp_path, monkeypatch):
    class Endless:
        def read(self, _: int) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Endless()))
    with pytest.raises(AuricleError) as caught:
        find(["-"], tmp_path)
    assert caught.value.message == (
        f"cannot copy standard input to {tmp_path}: No space left on device; the variable TMPDIR "
        "names another folder for it"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no such devices on Windows")
def test_a_device_is_no_recording(tmp_path):
    """An endless one used to be read for ever."""
    (found,) = find(["/dev/zero"], tmp_path)
    with pytest.raises(AuricleError, match="not a file, but a device or socket"):
        check(found.path)
    with pytest.raises(AuricleError, match="no such file"):
        check(tmp_path / "missing")
    check(Path(__file__))


def test_a_folder_gives_files_of_every_container_that_is_read(tmp_path):
    """mts, vob, awb and others were passed over: there were two lists of what is read."""
    for suffix in SUFFIXES:
        (tmp_path / f"a.{suffix}").write_bytes(b"")
    assert {each.path.suffix[1:] for each in find([str(tmp_path)], tmp_path)} == SUFFIXES
    assert {"mts", "m2ts", "vob", "mpga", "qta", "awb"} <= SUFFIXES


def test_standard_input_cannot_be_read_twice(tmp_path):
    with pytest.raises(click.UsageError, match="only once"):
        find(["-", "-"], tmp_path)


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (["talk.wav"], ["talk.srt"]),
        (["v1.2.mp3"], ["v1.2.srt"]),
        (["noname"], ["noname.srt"]),
        (["a.wav", "sub/a.wav"], ["a.srt", "sub/a.srt"]),
        (["a.wav", "a.mp3", "b.mp3"], ["a.wav.srt", "a.mp3.srt", "b.srt"]),
        (["A.wav", "a.mp3"], ["A.wav.srt", "a.mp3.srt"]),
    ],
)
def test_each_recording_gets_a_file_of_its_own(names, written):
    inputs = [named(name) for name in names]
    assert targets(inputs, Path("out"), ".srt") == [Path("out") / name for name in written]


def test_two_recordings_for_one_file_are_refused():
    inputs = [named("a.wav", "x/a.wav"), named("a.wav", "y/a.wav")]
    with pytest.raises(click.UsageError, match=r"x/a\.wav and y/a\.wav would be written"):
        targets(inputs, Path("out"), ".srt")

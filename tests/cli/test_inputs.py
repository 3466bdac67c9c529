"""Which files are read, and what the files written are called."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from auricle.cli.inputs import Input, find, targets


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
    assert found == Input(tmp_path / "stdin", "standard input", Path("stdin"))
    assert found.path.read_bytes() == b"RIFF"


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

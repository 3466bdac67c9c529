"""Reading a folder of clips, and files alone."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path

import pytest

from auricle.errors import AuricleError
from auricle_bench.clips import Clip, from_files, read_corpus


def corpus(folder: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "refs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in ("a.wav", "b.wav"):
        (folder / name).write_bytes(b"")
    return folder


A = {"file": "a.wav", "language": "en", "text": "hi", "duration_s": 1.5, "speaker": "x", "n": 1}
B = {"file": "b.wav", "language": "de", "text": "hallo", "duration_s": 2}


def test_a_corpus_is_its_list(tmp_path):
    folder = corpus(tmp_path, A, "", B)
    a = Clip(tmp_path / "a.wav", 1.5, "en", "hi", "x")
    b = Clip(tmp_path / "b.wav", 2.0, "de", "hallo")
    assert read_corpus(folder) == [a, b]
    assert read_corpus(folder, ["de"]) == [b]


@pytest.mark.parametrize(
    ("rows", "languages", "message"),
    [
        ([], [], "refs.jsonl lists no clips"),
        ([A], ["fr"], "refs.jsonl lists no clips in these languages"),
        ([A, "{"], [], "refs.jsonl, line 2: Input data was truncated"),
        ([{"file": "a.wav"}], [], "refs.jsonl, line 1: Object missing required field `language`"),
        ([A | {"file": "c.wav"}], [], "refs.jsonl, line 1: there is no c.wav"),
    ],
)
def test_what_is_wrong_with_a_corpus_is_said(tmp_path, rows, languages, message):
    with pytest.raises(AuricleError, match=re.escape(message)):
        read_corpus(corpus(tmp_path, *rows), languages)


def test_a_folder_without_a_list(tmp_path):
    with pytest.raises(AuricleError, match=r"cannot read .*refs\.jsonl: No such file"):
        read_corpus(tmp_path)


def test_files_alone_have_a_length_and_nothing_else(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 24_000))
    assert from_files([path]) == [Clip(path, 1.5)]


def test_a_picture_has_no_audio(tmp_path):
    path = tmp_path / "a.ppm"
    path.write_bytes(b"P6 2 2 255\n" + bytes(12))
    with pytest.raises(AuricleError, match=r"a\.ppm has no audio in it$"):
        from_files([path])


def test_a_file_that_is_no_audio(tmp_path):
    path = tmp_path / "a.wav"
    path.write_text("no audio at all")
    with pytest.raises(AuricleError, match=r"a\.wav is not audio: Invalid data"):
        from_files([path])

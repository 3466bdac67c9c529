"""Data sets in the shapes they come in, and what is wrong with one, said with its place."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path

import pytest

from auricle.errors import AuricleError
from auricle_bench import datasets
from auricle_bench.clips import Clip


def put(folder: Path, **files: str) -> Path:
    """Texts by name, ``__`` for the dot; and one second of silence for each name below."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return folder


def record(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(bytes(2 * 16_000))


def test_our_own_list(tmp_path):
    record(tmp_path / "a.wav")
    row = {"file": "a.wav", "language": "de", "text": " Hallo. ", "duration_s": 2.5, "words": []}
    put(tmp_path, refs__jsonl=json.dumps(row) + "\n\n")
    expected = [Clip(tmp_path / "a.wav", 2.5, "de", "Hallo.")]
    assert datasets.read(tmp_path, "en") == expected
    assert datasets.read(tmp_path / "refs.jsonl") == expected


def test_common_voice(tmp_path):
    """Recordings are in a folder of their own, languages are tags, and quotes are text."""
    record(tmp_path / "clips" / "a.mp3", tmp_path / "clips" / "b.mp3")
    put(
        tmp_path,
        test__tsv="client_id\tpath\tsentence\tup_votes\tlocale\n"
        'x\ta.mp3\t"Oh, he said.\t2\tzh-CN\n'
        "y\tb\tBom dia\t2\tpt\n",
    )
    assert datasets.read(tmp_path / "test.tsv") == [
        Clip(tmp_path / "clips" / "a.mp3", 1.0, "zh", '"Oh, he said.'),
        Clip(tmp_path / "clips" / "b.mp3", 1.0, "pt", "Bom dia"),
    ]


def test_hugging_face_folder(tmp_path):
    """With the byte order mark that spreadsheets write, and a line break inside quotes."""
    record(tmp_path / "data" / "a.wav")
    put(tmp_path, metadata__csv='\ufefffile_name,Transcription\ndata/a.wav,"one,\ntwo"\n')
    assert datasets.read(tmp_path, "en") == [
        Clip(tmp_path / "data" / "a.wav", 1.0, "en", "one,\ntwo")
    ]


def test_nemo_manifest(tmp_path):
    record(tmp_path / "a.wav")
    path = tmp_path / "a.wav"
    row = {"audio_filepath": str(path), "text": "hi", "duration": 1.25, "lang": "en"}
    put(tmp_path, manifest__json=json.dumps(row))
    assert datasets.read(tmp_path / "manifest.json") == [Clip(path, 1.25, "en", "hi")]


def test_librispeech(tmp_path):
    chapter = tmp_path / "84" / "121123"
    record(chapter / "84-121123-0000.flac", chapter / "84-121123-0001.flac")
    put(chapter, **{"84-121123__trans__txt": "84-121123-0000 GO DO\n84-121123-0001 BUT IN\n"})
    assert [(clip.path.name, clip.text, clip.language) for clip in datasets.read(tmp_path)] == [
        ("84-121123-0000.flac", "GO DO", None),
        ("84-121123-0001.flac", "BUT IN", None),
    ]


def test_a_text_beside_each_recording(tmp_path):
    record(tmp_path / "a.wav", tmp_path / "more" / "b.wav")
    put(tmp_path, a__txt="Hello\nthere.\n", a__json="{}")
    put(tmp_path / "more", b__txt="Bye.")
    assert datasets.read(tmp_path) == [
        Clip(tmp_path / "a.wav", 1.0, None, "Hello there."),
        Clip(tmp_path / "more" / "b.wav", 1.0, None, "Bye."),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.tsv", "path\ttext\nno.wav\thi\n", "t.tsv, line 2: there is no "),
        ("t.tsv", "path\ttext\na.wav\t \n", "t.tsv, line 2: the reference is empty"),
        ("t.tsv", "path\ttext\na.wav\n", "t.tsv, line 2: the reference is empty"),
        ("t.tsv", "path\ttext\n\thi\n", "t.tsv, line 2: path is empty"),
        ("t.tsv", "path\ttext\n", "t.tsv lists no recordings"),
        ("t.tsv", "", "t.tsv, line 1: none of path, file, "),
        ("t.csv", "path;text\na.wav;hi\n", ".csv, line 1: none of path, file, "),
        ("t.csv", "path,words\na.wav,hi\n", "transcript, reference is there, only path, words"),
        ("t.csv", "path,text,lang\na.wav,hi,xx\n", "'xx' is no language that Whisper knows"),
        ("t.csv", "path,text,duration\na.wav,hi,x\n", "line 2: duration 'x' is no number"),
        ("t.csv", "path,text\nt.csv,hi\n", "t.csv is not audio"),
        ("t.csv", f"path,text\na.wav,{'x' * 200_000}\n", "t.csv, after line 1: field larger than"),
        ("t.jsonl", '{"path": "a.wav"}', "t.jsonl, line 1: none of text, sentence, "),
        ("t.jsonl", "[]", "t.jsonl, line 1: Expected `object`, got `array`"),
        ("t.xlsx", "", "t.xlsx is not a folder, nor a table called .tsv, .csv or .jsonl"),
        ("t.jsonl", "\udcff", "t.jsonl is not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, name, content, message):
    record(tmp_path / "a.wav")
    (tmp_path / name).write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(AuricleError, match=re.escape(message)):
        datasets.read(tmp_path / name)


def test_many_mistakes_are_a_short_list(tmp_path):
    rows = "".join(f"{number}.wav\thi\n" for number in range(9))
    put(tmp_path, t__tsv="path\ttext\n" + rows)
    with pytest.raises(AuricleError) as caught:
        datasets.read(tmp_path / "t.tsv")
    lines = caught.value.message.splitlines()
    assert (len(lines), lines[-1]) == (6, "  and 4 more")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no references: neither refs.jsonl, metadata.jsonl, "),
        ({"a__txt": "hi"}, "a.txt: there is no "),
    ],
)
def test_folders_that_are_no_data_set(tmp_path, files, message):
    with pytest.raises(AuricleError, match=re.escape(message)):
        datasets.read(put(tmp_path, **files))


def test_nothing_there(tmp_path):
    with pytest.raises(AuricleError, match=r"there is no .*nowhere$"):
        datasets.read(tmp_path / "nowhere")

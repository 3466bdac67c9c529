"""``auricle bench`` as a user meets it, against a server that answers by script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from auricle.cli.main import run
from tests.bench.fake_server import FakeServer, in_thread, json_answer

ROOT = Path(__file__).parents[2]
SAMPLE = str(ROOT / "samples" / "jfk.wav")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with in_thread(FakeServer(lambda _: json_answer({"text": "hello"}))) as fake:
        yield fake


def test_no_table_is_begun_where_nobody_answers(capfd):
    assert run(["bench", "http://127.0.0.1:9", SAMPLE]) == 1
    message = "auricle: error: nobody answers at http://127.0.0.1:9/v1/audio/transcriptions\n"
    assert tuple(capfd.readouterr()) == ("", message)


def test_a_run_prints_a_line_a_phase_and_writes_its_file(server, tmp_path, capfd):
    files = ["--json", str(tmp_path / "out.json")]
    address = server.url.removeprefix("http://")
    load = ["--concurrency", "1,2", "--requests", "3", "--field", "beam_size=1"]
    assert run(["bench", address, SAMPLE, *load, *files]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["load", "requests", "errors"],
        ["c=1", "3", "0"],
        ["c=2", "3", "0"],
    ]
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["url"] == f"{server.url}/v1/audio/transcriptions"
    assert document["fields"] == [["beam_size", "1"]]
    assert [phase["n_answered"] for phase in document["phases"]] == [3, 3]


def test_a_corpus_is_scored(server, tmp_path, capfd):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    row = {"file": "a.wav", "language": "en", "text": "hello there", "duration_s": 1}
    (tmp_path / "refs.jsonl").write_text(json.dumps(row))
    assert run(["bench", server.url, "--corpus", str(tmp_path), "--languages", "en, de"]) == 0
    assert "error rate: en 50.0% of 2 words" in capfd.readouterr().out


def test_a_server_that_answers_nothing_right_is_a_failure(server, capfd):
    server.script = lambda _: json_answer({"error": "no"}, 500)
    assert run(["bench", server.url, SAMPLE]) == 1
    assert "errors: 1 × 500; p95" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give FILES or --corpus"),
        ([SAMPLE, "--corpus", "."], "give FILES or --corpus"),
        ([SAMPLE, "--concurrency", "1,x"], "--concurrency: '1,x' is not a list of whole numbers"),
        ([SAMPLE, "--concurrency", "0"], "--concurrency: '0' is not a list of whole numbers"),
        ([SAMPLE, "--field", "beam"], "--field: 'beam' is not NAME=VALUE"),
        ([SAMPLE, "--stream", "--dialect", "whispercpp"], "--stream is for the openai dialect"),
    ],
)
def test_a_misuse_is_said(arguments, message, capfd):
    assert run(["bench", "http://127.0.0.1:9", *arguments]) == 2
    expected = f"auricle: error: {message} (see auricle bench --help)\n"
    assert capfd.readouterr().err == expected


@pytest.mark.parametrize("url", ["ftp://a", "http://", "http://a:b:c"])
def test_only_http_is_spoken(url, capfd):
    assert run(["bench", url, SAMPLE]) == 2
    message = f"{url!r} is not the address of an HTTP server (see auricle bench --help)"
    assert capfd.readouterr().err == f"auricle: error: {message}\n"


def test_a_result_that_cannot_be_written(server, tmp_path, capfd):
    target = tmp_path / "none" / "out.json"
    assert run(["bench", server.url, SAMPLE, "--json", str(target)]) == 1
    assert capfd.readouterr().err.startswith(f"auricle: error: cannot write {target}: ")

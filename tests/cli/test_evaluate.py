"""``auricle evaluate`` as a user meets it: against servers that answer by script, and for real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from auricle.cli.main import INTERRUPTED, run
from auricle.models import cache
from auricle.settings.config import load
from tests.bench.fake_server import FakeServer, Request, in_thread, json_answer

ROOT = Path(__file__).parents[2]
REAL_CACHE = cache.cache_dir(load().cache_dir, os.environ)
"""Where this user's models are, before `own_user` takes the settings away."""


@pytest.fixture(autouse=True)
def own_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AURICLE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AURICLE_CACHE_DIR", str(REAL_CACHE))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with in_thread(FakeServer(lambda _: json_answer({"text": "red green"}))) as fake:
        yield fake


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three clips of two seconds; a server that is asked cannot tell that they are empty."""
    lines = ["path,text,language,duration_s"]
    for name, text in (("a.wav", "red green"), ("b.wav", "red gold"), ("c.wav", "red blue")):
        (tmp_path / name).write_bytes(name.encode())
        lines.append(f"{name},{text},en,2")
    (tmp_path / "clips.csv").write_text("\n".join(lines))
    return tmp_path / "clips.csv"


def fields_of(request: Request) -> dict[str, str]:
    parts = request.body.decode().split('; name="')[1:]
    return {part.split('"')[0]: part.split("\r\n\r\n")[1].split("\r\n")[0] for part in parts}


def test_a_server_is_scored(server, dataset, tmp_path, capfd):
    out = tmp_path / "out.json"
    flags = ["--decoding", "fast", "--no-vad", "--field", "prompt=hi", "--api-key", "k"]
    assert run(["evaluate", str(dataset), "--url", server.url, *flags, "--json", str(out)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "3 clips, 0.1 min of audio"
    assert lines[2:5] == [
        server.url,
        "  language  clips  words     WER     CER",
        "  en            3      6  33.33%  32.00%",
    ]
    assert "    red [gold → green]" in lines
    (scored,) = json.loads(out.read_text())["runs"]
    assert (scored["n_clips"], scored["rows"][0]["errors"]["n_errors"]) == (3, 2)
    assert len(server.requests) == 4, "one to warm up"
    assert fields_of(server.requests[0]) == {
        "response_format": "json",
        "model": "whisper-1",
        "language": "en",
        "decoding": "fast",
        "vad": "false",
        "prompt": "hi",
        "file": "a.wav",
    }
    assert server.requests[0].headers["authorization"] == "Bearer k"


def test_two_ways_of_asking_are_compared(server, dataset, capfd):
    def script(request: Request) -> bytes:
        fields = fields_of(request)
        right = {"a.wav": "red green", "b.wav": "red gold", "c.wav": "red blue"}[fields["file"]]
        return json_answer({"text": right if fields.get("beam_size") == "3" else "red green"})

    server.script = script
    against = ["--against", "beam-size=3,model=base", "--worst", "1"]
    assert run(["evaluate", str(dataset), "--url", server.url, *against]) == 0
    assert capfd.readouterr().out.split("\n\n")[-2:] == [
        f"A: {server.url}, B: beam-size=3,model=base\n"
        "  language  clips       A      B   B - A    95 % interval  B better  B worse  same\n"
        "  en            3  33.33%  0.00%  -33.33  -50.00 to +0.00         2        0     1\n"
        "  en: these clips show no certain difference",
        "B wins most\n"
        f"  {dataset.parent / 'b.wav'} (en): errors 1 → 0\n"
        "    A: red [gold → green]\n"
        "    B: no difference\n",
    ]
    assert {fields_of(each)["model"] for each in server.requests} == {"whisper-1", "base"}


def test_two_servers_are_compared(server, dataset, capfd):
    assert run(["evaluate", str(dataset), "--url", server.url, "--against", server.url]) == 0
    out = capfd.readouterr().out
    assert (
        "  en            3  33.33%  33.33%  +0.00  +0.00 to +0.00         0        0     3" in out
    )


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_shows_what_was_done(server, dataset, tmp_path, capfd):
    """The third request is never answered, the second counts, the first was to warm up."""
    released = threading.Event()

    def script(_: Request) -> bytes:
        if len(server.requests) == 3:
            os.kill(os.getpid(), signal.SIGINT)
            released.wait()
        return json_answer({"text": "red"})

    server.script = script
    command = ["evaluate", str(dataset), "--url", server.url, "--against", "beam_size=1"]
    try:
        assert run([*command, "--concurrency", "1", "--json", str(tmp_path / "o")]) == INTERRUPTED
    finally:
        released.set()
    out, err = capfd.readouterr()
    assert f"{server.url} (1 of 3 clips)\n" in out
    assert "  en            1      2  50.00%  66.67%\n" in out
    assert err == "auricle: interrupted; this was done until then\n"
    assert len(json.loads((tmp_path / "o").read_text())["runs"]) == 1


def test_a_server_that_fails_is_a_failure(server, dataset, capfd):
    server.script = lambda _: json_answer({"error": "no"}, 500)
    assert run(["evaluate", str(dataset), "--url", server.url]) == 1
    assert "3 clips failed and count for nothing; " in capfd.readouterr().out


def test_no_server(dataset, capfd):
    assert run(["evaluate", str(dataset), "--url", "127.0.0.1:9"]) == 1
    assert capfd.readouterr().err == "auricle: error: nobody answers at http://127.0.0.1:9\n"


LATER = "; start a second server with it and give its address"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--url", "x:1", "--compute-type", "int8"],
         f"--compute-type is a setting of a server, and no request can carry it{LATER}"),
        (["--url", "x:1", "--against", "compute_type=int8"],
         f"--compute-type is a setting of a server, and no request can carry it{LATER}"),
        (["--url", "x:1", "--against", "stream=true"],
         "the field stream is filled in by auricle evaluate itself"),
        (["--url", "ftp://x"], "'ftp://x' is not the address of an HTTP server"),
        (["--against", "ftp://x"], "'ftp://x' is not the address of an HTTP server"),
        (["--against", "port=1"], "--against port: this setting changes no transcript"),
        (["--field", "max_cue_s=1"], "--field max_cue_s: this setting changes no transcript"),
        (["--field", "x"], "--field: 'x' is not NAME=VALUE"),
        (["--language", "xx"], "--language: 'xx' is no language that Whisper knows"),
        (["--languages", "en,xx"], "--languages: 'xx' is no language that Whisper knows"),
        (["--api-key", "k"], "--api-key is for servers: give --url"),
    ],
)  # fmt: skip
def test_a_misuse_is_said(dataset, arguments, message, capfd):
    assert run(["evaluate", str(dataset), *arguments]) == 2
    expected = f"auricle: error: {message} (see auricle evaluate --help)\n"
    assert capfd.readouterr().err == expected


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--against", "compute_type=x"], 2, "--compute-type: 'x' is not one of auto, int8, "),
        (["--against", "beam=1"], 2, "--against beam: there is no such setting or field; known "),
        (["--against", "temperature=2"], 1, "Invalid 'temperature': decimal above maximum"),
        (["--languages", "de"], 1, "clips.csv has no clips in de\n"),
        (["--limit", "0"], 2, "Invalid value for '--limit': 0 is not in the range x>=1"),
    ],
)
def test_values_that_cannot_be_are_refused_before_anything_is_loaded(
    dataset, arguments, code, message, capfd
):
    assert run(["evaluate", str(dataset), *arguments]) == code
    out, err = capfd.readouterr()
    assert (out, message in err) == ("", True), err


@pytest.mark.model
def test_a_model_in_this_process(tmp_path, capfd):
    """With a wrong reference, so that there is something to show."""
    shutil.copy(ROOT / "samples" / "jfk.wav", tmp_path)
    said = "And so, my fellow Americans, ask not what your city can do for you."
    (tmp_path / "jfk.txt").write_text(said)
    flags = [
        "--model",
        "tiny.en",
        "--offline",
        "--device",
        "cpu",
        "--language",
        "en",
    ]
    against = ["--against", "decoding=fast,temperature=0"]
    assert run(["evaluate", str(tmp_path), *flags, *against]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert "model=tiny.en, decoding=accurate\n" in out
    assert "and so my fellow americans …" not in out, "the start of a text is shown"
    assert out.count("your [city → country] can do for you [+ask what you can do for your") == 2
    assert "  en: these clips show no certain difference" in out

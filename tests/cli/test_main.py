"""The command line as a user meets it: exit codes, error lines, and what commands print."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auricle import __version__
from auricle.cli.main import run
from auricle.models import cache
from auricle.settings.config import load
from tests.audio_files import ending

REAL_CACHE = cache.cache_dir(load().cache_dir, os.environ)
"""Where this user's models are, before `own_user` takes them out of sight."""


@pytest.fixture(autouse=True)
def own_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run as a user with an empty home: no settings, no models. Returns the model cache."""
    for name in list(os.environ):
        if name.startswith(("AURICLE_", "HF_")):
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("AURICLE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def put(folder: Path, name: str) -> Path:
    """A model that looks whole to the cache, without weights."""
    part = cache.staging(folder, name)
    (part / "model.bin").write_bytes(b"x" * 2_000_000)
    return cache.publish(folder, name, "owner/name@commit", ["model.bin"])


def test_version(capfd):
    assert run(["--version"]) == 0
    assert capfd.readouterr() == (f"auricle {__version__}\n", "")


@pytest.mark.parametrize("arguments", [[], ["models"]])
def test_a_command_alone_shows_its_help(arguments, capfd):
    assert run(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("Usage: auricle")
    assert "Commands:" in err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["foo"], "No such command 'foo' (see auricle --help)"),
        (["transcribe"], "Missing argument 'FILES...' (see auricle transcribe --help)"),
        (
            ["serve", "base", "--model", "tiny"],
            "give MODEL or --model, not both (see auricle serve --help)",
        ),
        (["serve", "--port", "x"], "--port: 'x' is not a whole number from 0 to 65535"),
        (["doctor", "--device", "gpu"], "--device: 'gpu' is not one of auto, cpu, cuda"),
        (
            ["transcribe", "a", "b", "--format", "srt"],
            "2 files as srt need --output-dir (see auricle transcribe --help)",
        ),
        (
            ["transcribe", "a", "--max-cue-s", "5"],
            "--max-cue-s needs --format srt or vtt, but that is text (see auricle transcribe "
            "--help)",
        ),
        (
            ["transcribe", "a", "--temperature", "nan"],
            "Invalid 'temperature': expected a number from 0 to 1, but got 'nan' (see auricle "
            "transcribe --help)",
        ),
        (
            ["transcribe", "a", "--temperature", "1.5"],
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 1, but got "
            "1.5 instead (see auricle transcribe --help)",
        ),
        (
            ["transcribe", "a", "--language", "de", "--languages", "de,en"],
            "'languages' and 'language' cannot be used together: the first is what detection "
            "chooses from, the second leaves nothing to detect (see auricle transcribe --help)",
        ),
        (
            ["transcribe", "a", "--patience", "2", "--decoding", "fast"],
            "'patience' and 'decoding' cannot be used together: 'fast' searches without beams "
            "(see auricle transcribe --help)",
        ),
        (
            ["transcribe", "a", "--keywords", "<b>"],
            "Invalid 'keywords': '<b>' holds <, >, a line break or a null character (see auricle "
            "transcribe --help)",
        ),
        (
            ["transcribe", "a", "--words"],
            "--words needs --format verbose_json or json or diarized_json, but that is text (see "
            "auricle transcribe --help)",
        ),
        (
            ["transcribe", "a", "--logprobs", "--format", "srt"],
            "--logprobs needs --format json, but that is srt (see auricle transcribe --help)",
        ),
    ],
)
def test_a_misused_command_says_how_and_ends_with_2(arguments, line, capfd):
    assert run(arguments) == 2
    assert capfd.readouterr() == ("", f"auricle: error: {line}\n")


def test_an_unknown_variable_is_a_misuse(monkeypatch, capfd):
    monkeypatch.setenv("AURICLE_PROT", "1")
    assert run(["models", "list"]) == 2
    message = "AURICLE_PROT: unknown setting 'prot'; did you mean 'port'?"
    assert capfd.readouterr() == ("", f"auricle: error: {message}\n")


def test_a_settings_file_is_read(tmp_path, capfd):
    path = tmp_path / "mine.toml"
    path.write_text("port = -1\n")
    assert run(["serve", "--config", str(path)]) == 2
    message = f"{path}: port: -1 is not a whole number from 0 to 65535"
    assert capfd.readouterr() == ("", f"auricle: error: {message}\n")


def test_an_error_of_ours_is_one_message_and_ends_with_1(capfd):
    assert run(["models", "download", "bsae"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("auricle: error: The model 'bsae' does not exist. Did you mean 'base'?")


def test_offline_without_the_model_transcribe_ends_with_1(capfd):
    assert run(["transcribe", "a.wav", "--offline", "--model", "tiny.en", "--device", "cpu"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("auricle: error: The model 'tiny.en' is not in the cache")


def test_models_lists_what_is_known_and_what_is_here(own_user, capfd):
    base = put(own_user, "base")
    other = put(own_user, "owner/name")
    assert run(["models", "list"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "MODEL"
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert rows["base"] == ["148", "MB", "99", "yes", str(base)]
    assert rows["tiny.en"] == ["78", "MB", "English", "no"]
    assert rows["owner/name"] == ["2", "MB", "?", "?", str(other)]
    assert rows["speakers"] == ["34", "MB", "any"]


def test_speakers_are_fetched_listed_and_removed_like_models(own_user, capfd):
    assert run(["models", "download", "speakers", "--offline"]) == 1
    out, err = capfd.readouterr()
    assert (out, err.splitlines()[0]) == (
        "",
        f"auricle: error: The model 'speakers' is not in the cache {own_user} "
        "and could not be fetched.",
    )
    assert "--model-path" not in err
    folder = put(own_user, "speakers")
    assert run(["models", "download", "speakers", "--offline"]) == 0
    assert capfd.readouterr().out == f"speakers is in {folder}\n"
    assert run(["models", "list"]) == 0
    listed = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert [line for line in listed if line[0] == "speakers"] == [
        ["speakers", "34", "MB", "any", str(folder)]
    ]
    assert run(["models", "remove", "speakers"]) == 0
    assert not folder.exists()


def test_models_removes_by_any_name(own_user, capfd):
    folder = put(own_user, "base")
    assert run(["models", "remove", "Systran/faster-whisper-base"]) == 0
    assert capfd.readouterr() == ("removed base: 2 MB\n", "")
    assert not folder.exists()
    assert run(["models", "remove", "base"]) == 1
    message = f"the model 'base' is not in {own_user}"
    assert capfd.readouterr() == ("", f"auricle: error: {message}\n")


def test_doctor_says_what_is_in_the_way(own_user, capfd):
    assert run(["doctor", "base", "--offline", "--device", "cpu", "--port", "0"]) == 1
    out, err = capfd.readouterr()
    assert err == ""
    assert f"model cache         {own_user}\n" in out
    assert out.endswith(
        "What is in the way\n"
        "  the model 'base' is not on this machine and fetching is switched off\n"
        "    -> run `auricle models download base` without --offline, or use --model-path\n"
        "\n"
        "auricle serve cannot work yet.\n"
    )


def test_doctor_as_json(own_user, capfd):
    assert run(["doctor", "--json", "--device", "cpu", "--port", "0", "--threads", "1"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert list(found) == ["can_serve", "machine", "packages", "plan", "problems"]
    assert found["can_serve"] is True
    assert found["plan"]["device"] == "cpu"
    assert found["plan"]["compute type"] == "int8"
    assert found["plan"]["parallel work"] == "1 worker of 1 thread"
    assert found["problems"] == [
        {
            "what": "the model 'base' will be fetched from hub or index at first start",
            "way_out": "`auricle models download base` does it now",
            "is_fatal": False,
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--device", "cuda"], "device is cuda, but CTranslate2 sees no GPU here"),
        (["--model-path", "nowhere"], "nowhere does not exist"),
        (["--model", "bsae"], "The model 'bsae' does not exist."),
        (["--host", "0.0.0.0"], "others reach this server on 0.0.0.0, and it has no keys"),
    ],
)
def test_doctor_finds(arguments, what, capfd):
    if arguments == ["--device", "cuda"] and Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a GPU")
    assert run(["doctor", "--json", "--port", "0", *arguments]) == 1
    found = json.loads(capfd.readouterr().out)
    assert [problem["what"] for problem in found["problems"] if what in problem["what"]]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["bsae"], "The model 'bsae' does not exist. Did you mean 'base'?"),
        (["--model-path", "nowhere"], "the model folder "),
        (["./gone"], "the model folder gone does not exist"),
    ],
)
def test_a_server_for_no_model_does_not_start(arguments, wanted, capfd):
    """It listened for ever, and answered everything with 503."""
    assert run(["serve", "--port", "0", *arguments]) == 1
    out, err = capfd.readouterr()
    assert (out, err.startswith(f"auricle: error: {wanted}")) == ("", True)


def test_a_server_for_no_language_does_not_start(capfd):
    """It did, and answered every request that named no language itself with 400."""
    assert run(["serve", "tiny.en", "--port", "0", "--language", "auto"]) == 2
    expected = "auricle: error: language is 'auto', which Whisper does not know; leave it out to "
    assert capfd.readouterr().err.startswith(expected)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT between processes")
def test_ctrl_c_ends_with_130_and_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "auricle", "transcribe", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(bytes(1_000_000))  # more than a pipe holds: it is reading by now
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


@pytest.mark.model
def test_transcribe_for_real(tmp_path, capfd):
    sample = tmp_path / "ending.wav"
    sample.write_bytes(ending())
    arguments = ["--model", "tiny.en", "--device", "cpu", "--cache-dir", str(REAL_CACHE)]
    assert run(["transcribe", str(sample), *arguments]) == 0
    out, err = capfd.readouterr()
    assert "ask what you can do for your country" in out
    assert err == ""

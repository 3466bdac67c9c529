"""A command where things are not as usual: names, terminals, pipes, streams, users."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auricle.cli import inputs, output, streams
from auricle.cli.output import Printer
from auricle.output.formats import Style
from auricle.types import Language, Segment, Transcript
from tests.audio_files import ENDING_WORDS, ending, words
from tests.cli.test_main import REAL_CACHE

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rules")


def auricle(*arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    command: list[str | bytes] = [sys.executable, "-P", "-m", "auricle", *arguments]
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, check=False, **given)


@POSIX_ONLY
@pytest.mark.parametrize("arguments", [["--help"], ["models", "list"]])
def test_a_reader_that_leaves_ends_the_command_without_a_word(arguments):
    """``auricle models list | head -1`` may end early, but not in a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = auricle(*arguments, stdout=closed)
    assert (done.returncode, done.stderr) == (141, b"")


@POSIX_ONLY
def test_output_that_cannot_be_written_is_an_error():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is full")
    with Path("/dev/full").open("wb") as full:
        done = auricle("models", "list", stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith(b"auricle: error: ")
    assert b"No space left on device\n" in done.stderr
    assert b"Traceback" not in done.stderr


@POSIX_ONLY
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_closed_streams_are_nothing_to_read_or_write(closed):
    """The first file that was opened took the place of the closed one."""
    done = auricle("models", "list", preexec_fn=lambda: os.close(closed))
    assert done.returncode == 0
    assert (b"large-v3" in done.stdout) == (closed != 1)
    assert done.stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp932"])
def test_help_is_shown_by_terminals_without_its_characters(encoding):
    """Help has an ellipsis, which ended it where the encoding has none."""
    done = auricle("transcribe", "--help", env={**os.environ, "PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"--language" in done.stdout


@POSIX_ONLY
def test_a_command_without_environment_or_home():
    done = auricle("models", "list", env={})
    assert (done.returncode, done.stderr) == (0, b"")


@POSIX_ONLY
def test_names_that_are_no_utf8_are_told_with_a_replacement(tmp_path):
    done = auricle("transcribe", b"caf\xe9\x1b[31m.wav", "--offline", cwd=tmp_path)
    assert done.returncode == 1
    missing = auricle("serve", "--config", b"caf\xe9.toml", cwd=tmp_path)
    assert (missing.returncode, missing.stderr) == (
        2,
        "auricle: error: cannot read the settings file caf\ufffd.toml: No such file or directory\n"
        "".encode(),
    )


def test_a_label_moves_no_cursor(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a\x1b[2J.wav").write_bytes(b"")
    found = inputs.find(["x\udce9\r.wav", str(tmp_path / "folder")], tmp_path)
    assert [each.label for each in found] == [
        "x\ufffd\ufffd.wav",
        str(tmp_path / "folder" / "a\ufffd[2J.wav"),
    ]
    assert [each.path.name for each in found] == ["x\udce9\r.wav", "a\x1b[2J.wav"]


class Terminal(io.TextIOWrapper):
    """A terminal of one encoding."""

    def __init__(self, encoding: str) -> None:
        self.shown = io.BytesIO()
        super().__init__(self.shown, encoding, errors="replace")

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("encoding", "shown", "note"),
    [
        ("utf-8", "Grüße, 東京\n", ""),
        (
            "latin-1",
            "Grüße, ??\n",
            output.LACKS_CHARACTERS.format("latin-1") + "\n",
        ),
    ],
)
def test_what_a_terminal_cannot_show_is_a_question_mark_and_said_once(
    monkeypatch, capfd, encoding, shown, note
):
    """The first character that the terminal lacks ended the command."""
    terminal = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    printer = Printer(["a", "b"], Style("text"), live=False)
    for index in (0, 1):
        said = Segment(0.0, 1.0, " Grüße, 東京", (), 0.0, -0.2, 1.0, 0.0)
        printer.finish(index, Transcript("transcribe", Language("de"), 1.0, (said,)))
    monkeypatch.undo()
    text = terminal.shown.getvalue().decode(encoding)
    assert text == f"==> a <==\n{shown}\n==> b <==\n{shown}"
    assert capfd.readouterr().err == note


@pytest.mark.parametrize(
    ("error", "platform", "is_gone"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "linux", True),
        (OSError(errno.EINVAL, "Invalid argument"), "win32", True),
        (OSError(errno.EINVAL, "Invalid argument"), "linux", False),
        (OSError(errno.ENOSPC, "No space left"), "linux", False),
    ],
)
def test_how_a_reader_that_left_is_told(monkeypatch, error, platform, is_gone):
    monkeypatch.setattr(sys, "platform", platform)
    assert streams.is_reader_gone(error) == is_gone


@POSIX_ONLY
@pytest.mark.model
def test_a_recording_of_any_name_in_any_place_is_transcribed(tmp_path):
    """A name that is no UTF-8 ended the run for all recordings; a module of the user's own in the
    folder ended the engine."""
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).write_bytes(ending())
    (tmp_path / "tokenizers.py").write_text("raise SystemExit(3)")
    arguments = ["--model", "tiny.en", "--device", "cpu", "--cache-dir", str(REAL_CACHE)]
    done = auricle("transcribe", b"caf\xe9.wav", "gone.wav", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    head, _, text = done.stdout.decode().partition("\n")
    assert head == "==> caf\ufffd.wav <=="
    assert words(text) == ENDING_WORDS
    assert done.stderr == b"auricle: error: gone.wav: no such file\n"

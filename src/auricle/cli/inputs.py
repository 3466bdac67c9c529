"""What ``auricle transcribe`` was asked to read, and where the answers go.

Knows nothing about audio: a file is whatever the decoder makes of it.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click

from auricle.errors import AuricleError
from auricle.media.formats import SUFFIXES

STDIN = "-"

_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Input:
    """One recording: the file to read, what the user calls it, and its name below an output folder
    (with the sub-folders it was found in)."""

    path: Path
    label: str
    relative: Path
    is_copy: bool = False
    """It came through a pipe, and is gone afterwards."""


def find(arguments: Sequence[str], spool: Path) -> list[Input]:
    """The recordings that files, folders and ``-`` stand for, in that order; a folder's sorted, and
    only those whose suffix is one of a container that is read. A file named by itself may be called
    anything.

    Standard input and pipes are copied to files in ``spool``, because most containers must be read
    twice.

    Raises:
        click.UsageError: a folder without recordings, or standard input twice.
        AuricleError: a pipe cannot be read, or there is no room for what it holds.
    """
    if list(arguments).count(STDIN) > 1:
        raise click.UsageError("standard input (-) can be read only once")
    found: list[Input] = []
    for argument in arguments:
        path = Path(argument)
        if argument == STDIN:
            copy = _copied(sys.stdin.buffer, spool / "stdin", "standard input")
            found.append(Input(copy, "standard input", Path("stdin"), is_copy=True))
        elif path.is_dir():
            found += _in_folder(path)
        elif path.is_fifo():
            with path.open("rb") as pipe:
                copy = _copied(pipe, spool / f"pipe-{len(found)}", _shown(argument))
            found.append(Input(copy, _shown(argument), Path(path.name), is_copy=True))
        else:
            found.append(Input(path, _shown(argument), Path(path.name)))
    return found


def targets(inputs: Sequence[Input], folder: Path, suffix: str) -> list[Path]:
    """A file below ``folder`` for each input: ``talk.wav`` becomes ``talk.srt``. Inputs that would
    share a name keep their own suffix: ``talk.wav.srt`` and ``talk.mp3.srt``.

    Raises:
        click.UsageError: two inputs would still be written to one file.
    """
    short = [each.relative.with_suffix(suffix) for each in inputs]
    shared = _repeated(short)
    names = [
        each.relative.with_name(each.relative.name + suffix) if _key(name) in shared else name
        for each, name in zip(inputs, short, strict=True)
    ]
    clashes = _repeated(names)
    if clashes:
        labels = [
            each.label for each, name in zip(inputs, names, strict=True) if _key(name) in clashes
        ]
        raise click.UsageError(
            f"{labels[0]} and {labels[1]} would be written to the same file; "
            "transcribe them in two runs"
        )
    return [folder / name for name in names]


def check(path: Path) -> None:
    """Raises `AuricleError` for what cannot be a recording."""
    if not path.exists():
        raise AuricleError("no such file")
    if not path.is_file():
        raise AuricleError("not a file, but a device or socket")


def _copied(stream: BinaryIO, path: Path, label: str) -> Path:
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file)
    except OSError as exc:
        raise AuricleError(
            f"cannot copy {label} to {path.parent}: {exc.strerror}; the variable TMPDIR names "
            "another folder for it"
        ) from exc
    return path


def _in_folder(folder: Path) -> list[Input]:
    found = [
        Input(path, _shown(str(path)), path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower().removeprefix(".") in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    if not found:
        raise click.UsageError(f"no audio or video files in {folder}")
    return found


def _shown(name: str) -> str:
    """A file's name as people are told it: U+FFFD stands for a byte that is no UTF-8, and for what
    would move the cursor of a terminal."""
    return _UNSHOWN.sub("\ufffd", name)


def _repeated(names: Iterable[Path]) -> set[str]:
    return {key for key, n in Counter(map(_key, names)).items() if n > 1}


def _key(name: Path) -> str:
    """Names that differ in case alone are one file on macOS and Windows."""
    return name.as_posix().casefold()

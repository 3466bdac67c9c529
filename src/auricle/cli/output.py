"""Where transcripts go: one after the other to standard output, or each to a file of its own.

Knows nothing about how they are made. Several recordings may be in work; what is printed keeps
the order they were given in.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tqdm import tqdm

from auricle.cli.streams import is_reader_gone
from auricle.errors import AuricleError
from auricle.output.formats import Style, render
from auricle.types import Segment, Transcript

LACKS_CHARACTERS = (
    "auricle: note: this terminal's encoding ({}) lacks characters of the text; ? stands for them. "
    "Files have all of it: use --output-dir."
)


class Output(Protocol):
    """Told about every recording, by its index: its segments, then that it is finished."""

    def segment(self, index: int, segment: Segment) -> None: ...

    def finish(self, index: int, transcript: Transcript | None) -> None:
        """``transcript`` is None when the recording failed."""


class Printer:
    """Standard output. ``live``: segments appear as they complete, each on a line of its own."""

    def __init__(self, labels: Sequence[str], style: Style, *, live: bool) -> None:
        self._labels = labels
        self._style = style
        self._live = live
        self._current = 0
        self._waiting: dict[int, bytes] = {}
        self._finished: set[int] = set()
        self._last_printed: int | None = None
        self._has_noted = False

    def segment(self, index: int, segment: Segment) -> None:
        if self._live and (line := segment.text.strip()):
            label = "" if segment.speaker is None else f"{segment.speaker}: "
            self._print(index, f"{label}{line}\n".encode())

    def finish(self, index: int, transcript: Transcript | None) -> None:
        if transcript is not None and not (self._live and transcript.text):
            self._print(index, render(transcript, self._style))
        self._finished.add(index)
        while self._current in self._finished:
            self._current += 1
            if self._current in self._waiting:
                self._print(self._current, self._waiting.pop(self._current))

    def _print(self, index: int, body: bytes) -> None:
        """Now, or when every recording before this one is finished."""
        if index != self._current:
            self._waiting[index] = self._waiting.get(index, b"") + body
            return
        if len(self._labels) > 1 and index != self._last_printed:
            gap = "" if self._last_printed is None else "\n"
            body = f"{gap}==> {self._labels[index]} <==\n".encode() + body
        self._last_printed = index
        try:
            can_show = _write(body)
        except OSError as exc:
            if is_reader_gone(exc):
                raise
            raise AuricleError(f"cannot write to standard output: {exc.strerror}") from exc
        if not can_show and not self._has_noted:
            self._has_noted = True
            tqdm.write(LACKS_CHARACTERS.format(sys.stdout.encoding), file=sys.stderr)


class Files:
    """One file per recording, written whole or not at all."""

    def __init__(self, paths: Sequence[Path], style: Style) -> None:
        self._paths = paths
        self._style = style

    def segment(self, index: int, segment: Segment) -> None:
        """Nothing yet: a file is written when it is complete."""

    def finish(self, index: int, transcript: Transcript | None) -> None:
        if transcript is None:
            return
        path = self._paths[index]
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(render(transcript, self._style))
            beside.replace(path)
        except OSError as exc:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise AuricleError(f"cannot write {path}: {exc.strerror}") from exc


class Meter:
    """A line on standard error: recordings done, audio done, how many times faster than real time.
    Silent where that is not a terminal."""

    def __init__(self, n_recordings: int) -> None:
        self._done_s = [0.0] * n_recordings
        self._begin_s = time.monotonic()
        self._bar = tqdm(
            total=n_recordings,
            bar_format="{bar:20} {n_fmt}/{total_fmt}{postfix}",
            disable=not sys.stderr.isatty(),
        )

    def reached(self, index: int, position_s: float) -> None:
        """Recording ``index`` is transcribed up to here."""
        self._done_s[index] = max(self._done_s[index], position_s)
        total_s = sum(self._done_s)
        speed = total_s / max(time.monotonic() - self._begin_s, 1e-3)
        minutes, seconds = divmod(round(total_s), 60)
        self._bar.set_postfix_str(f"{minutes}:{seconds:02d} of audio, {speed:.1f} x real time")

    def finish(self) -> None:
        """One more recording is done."""
        self._bar.update()

    def report(self, line: str) -> None:
        """A line on standard error, above the progress."""
        tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        self._bar.close()


def _write(body: bytes) -> bool:
    """To standard output, with the progress line out of the way; whether all of it can be read
    there. A terminal gets text, because the console of Windows takes no UTF-8 bytes."""
    text = body.decode()
    can_show = True
    with tqdm.external_write_mode(file=sys.stdout):
        if sys.stdout.isatty():
            shown = text.encode(sys.stdout.encoding, "replace")
            can_show = shown.decode(sys.stdout.encoding) == text
            sys.stdout.write(text)
        else:
            sys.stdout.buffer.write(body)
        sys.stdout.flush()
    return can_show

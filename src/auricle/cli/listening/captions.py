"""Captions in a terminal: what is committed stands, what is tentative is dim and written anew.

Knows nothing about speech. Lines that cannot change any more are left alone, so that the terminal
can scroll; only the last few are rewritten. Where nobody looks, in a file or a pipe, a line is
written when its turn is over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, TextIO

from auricle.cli.listening.speech import Caption, FinishedTurn, Note, SpeechEvent
from auricle.output.line_breaking import unbreakable, width

DIM: Final = "\x1b[2m"
PLAIN: Final = "\x1b[0m"
_CLEAR: Final = "\x1b[J"
"""Everything from here to the end of the screen."""


class Captions:
    """Shows what is heard on ``out``; ``columns`` says how wide a terminal is now, None for what is
    none. What goes wrong is said on ``errors``."""

    def __init__(
        self, out: TextIO, columns: Callable[[], int] | None, errors: TextIO = sys.stderr
    ) -> None:
        self._out = out
        self._columns = columns
        self._errors = errors
        self._n_lines = 0
        """Lines below the last that stands, the cursor at the end of the last of them."""
        self._standing = 0
        """Characters of the open text on lines that stand."""

    def show(self, event: SpeechEvent) -> None:
        """Show what comes; what is committed of a caption goes on from the one before."""
        match event:
            case FinishedTurn():
                self._end(event.text)
            case Caption() if self._columns is not None:
                self._write(event.committed, event.tentative)
            case Note():
                self.close()
                print(f"auricle: {event.message}", file=self._errors)

    def close(self) -> None:
        """Take back what is tentative; the cursor is at the beginning of a line."""
        self._erase()
        self._out.flush()

    def _end(self, text: str) -> None:
        if self._columns is None:
            self._out.write(f"{text}\n")
        else:
            self._write(text, "")
            self._out.write("\n" if self._n_lines else "")
            self._n_lines = self._standing = 0
        self._out.flush()

    def _write(self, committed: str, tentative: str) -> None:
        assert self._columns is not None
        self._erase()
        text = (committed + tentative)[self._standing :]
        n_committed = len(committed) - self._standing
        lines = _wrapped(text, max(self._columns() - 1, 1))
        self._out.write("\n".join(_shown(text, line, n_committed) for line in lines))
        n_standing = sum(last <= n_committed for _, last in lines[:-1])
        self._n_lines = len(lines) - n_standing
        if n_standing:
            self._standing += lines[n_standing][0]
        self._out.flush()

    def _erase(self) -> None:
        if self._n_lines:
            up = f"\x1b[{self._n_lines - 1}A" if self._n_lines > 1 else ""
            self._out.write(f"\r{up}{_CLEAR}")
            self._n_lines = 0


def _shown(text: str, line: tuple[int, int], n_committed: int) -> str:
    """A line, what is tentative of it dim."""
    first, last = line
    border = min(max(n_committed, first), last)
    tentative = text[border:last]
    return text[first:border] + (f"{DIM}{tentative}{PLAIN}" if tentative else "")


def _wrapped(text: str, columns: int) -> list[tuple[int, int]]:
    """Where lines of at most so many columns begin and end; what fits into none is split."""
    lines: list[tuple[int, int]] = []
    for start, end in unbreakable(text):
        if lines and width(text[lines[-1][0] : end]) <= columns:
            lines[-1] = (lines[-1][0], end)
            continue
        lines.append((start, end))
        while width(text[slice(*lines[-1])]) > columns:
            first, last = lines.pop()
            cut = first + 1
            while cut < last and width(text[first : cut + 1]) <= columns:
                cut += 1
            lines += [(first, cut), (cut, last)]
            if cut == last:
                lines.pop()
                break
    return lines

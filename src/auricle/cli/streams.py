"""The standard streams of a command: closed ones, readers that leave, and what they cannot show.

Knows nothing about what is written to them.
"""

from __future__ import annotations

import errno
import io
import os
import sys

READER_GONE = 141
"""Exit code after writing to a pipe whose reader has left, as shells have it: 128 + SIGPIPE."""

_MODES = ("r", "w", "w")
_NAMES = ("stdin", "stdout", "stderr")


def prepare() -> None:
    """Make all three usable. One that was closed reads and writes nothing; without it the next
    file to be opened would take its place, and get what is printed. A character that the output's
    encoding lacks becomes a question mark, a byte of a file name that is no UTF-8 too."""
    for descriptor, (name, mode) in enumerate(zip(_NAMES, _MODES, strict=True)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            os.set_inheritable(descriptor, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def is_reader_gone(exc: OSError) -> bool:
    """Whether an error of writing says that nobody reads any more; Windows calls it invalid."""
    on_windows = sys.platform == "win32" and exc.errno == errno.EINVAL
    return isinstance(exc, BrokenPipeError) or on_windows


def give_up() -> None:
    """Let what was not written vanish: flushing it at exit would fail once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)

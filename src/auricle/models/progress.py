"""How a long fetch tells its caller how far it is.

Knows nothing about what is fetched.
"""

from __future__ import annotations

import sys
from typing import Protocol, TextIO

from tqdm import tqdm


class Progress(Protocol):
    """Called from the thread that fetches: one `start`, any number of `advance`, one `close`."""

    def start(self, label: str, total_bytes: int | None) -> None: ...

    def advance(self, n: int) -> None:
        """``n`` more bytes are there; negative when bytes had to be thrown away."""

    def close(self) -> None: ...


class Bar:
    """A progress bar on standard error; silent where that is not a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: tqdm[None] | None = None

    def start(self, label: str, total_bytes: int | None) -> None:
        self.close()
        self._bar = tqdm(
            desc=label,
            total=total_bytes,
            unit="B",
            unit_scale=True,
            file=self._stream,
            disable=not self._stream.isatty(),
        )

    def advance(self, n: int) -> None:
        if self._bar is not None:
            self._bar.update(n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

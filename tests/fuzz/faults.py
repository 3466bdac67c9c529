"""What counts as a fault of an answer, whatever was asked.

Knows nothing about who answers.
"""

from __future__ import annotations

import contextlib
import logging
import re
import traceback
from collections.abc import Iterator

INTERNALS = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|<(?:class|function|built-in|bound method)|"
    r" object at 0x|(?:Key|Index|Type|Attribute|Assertion|Recursion|Runtime|ZeroDivision|Overflow"
    r"|Unicode\w*)Error|/src/auricle|sqlite|/tmp/"
)
"""What names code, objects or places of the server; nothing a client can do anything with."""


class Fault(AssertionError):
    """An answer, or none, that should not be."""


def check_text(text: str, sent: str = "") -> None:
    """Raise `Fault` if ``text`` shows something of the server's inside that is not an echo of what
    was ``sent``."""
    for found in INTERNALS.finditer(text):
        if found[0] not in sent:
            around = text[max(0, found.start() - 80) : found.end() + 120]
            raise Fault(f"shows its inside: …{around}…")


def check_status(status: int, body: bytes) -> None:
    """Raise `Fault` for what only a broken server answers."""
    if status >= 500:
        raise Fault(f"answered {status}: {body[:300]!r}")


class Bugs(logging.Handler):
    """Collects what was logged with an exception: nobody foresaw it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.seen.append(kind(record.exc_info[1]))

    def check(self) -> None:
        """Raise `Fault` for what was logged since the last time."""
        if self.seen:
            first, self.seen = self.seen[0], []
            raise Fault(f"logged {first}")

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """While the context lasts."""
        logger = logging.getLogger("auricle")
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)


def kind(exc: BaseException) -> str:
    """What tells one fault from another: the error, and where it was raised."""
    if isinstance(exc, Fault):
        return str(exc)[:200]
    if isinstance(exc, BaseExceptionGroup):
        return kind(exc.exceptions[0])
    last = traceback.extract_tb(exc.__traceback__)[-1]
    where = f"{last.filename.rpartition('/')[2]}, {last.name}:{last.lineno}"
    return re.sub(r"0x\w+|\b\d+\b", "N", f"{type(exc).__name__} in {where}: {str(exc)[:60]}")

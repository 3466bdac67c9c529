"""What happens inside, for whoever counts it: an exporter of metrics, a test, or nobody.

Knows nothing about who that is. Names of what is counted end in their unit where they have one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Observer(Protocol):
    """Is told from the event loop's thread, and must not block or raise."""

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        """``n`` more of ``name``."""
        ...

    def record(self, name: str, value: float, **labels: str) -> None:
        """Another value of which the distribution is of interest."""
        ...


class NullObserver:
    """An `Observer` that does not look."""

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        pass

    def record(self, name: str, value: float, **labels: str) -> None:
        pass


NULL_OBSERVER = NullObserver()


@contextmanager
def span(observer: Observer, name: str, **labels: str) -> Iterator[None]:
    """Record how many seconds the context takes, and in the label ``ended`` how it ends: ``well``,
    or the class of what it raises."""
    begun_s = time.monotonic()
    ended = "well"
    try:
        yield
    except BaseException as exc:
        ended = type(exc).__name__
        raise
    finally:
        observer.record(name, time.monotonic() - begun_s, ended=ended, **labels)

"""How long things take, and how they end, for whoever watches."""

from __future__ import annotations

import pytest

from auricle.telemetry.observe import NULL_OBSERVER, span


class Watching:
    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        raise AssertionError(name)

    def record(self, name: str, value: float, **labels: str) -> None:
        assert value >= 0
        self.seen.append((name, labels))


def test_a_span_tells_how_it_ended():
    observer = Watching()
    with span(observer, "took_s", of="work"):
        pass
    with pytest.raises(KeyError), span(observer, "took_s", of="work"):
        raise KeyError
    assert observer.seen == [
        ("took_s", {"ended": "well", "of": "work"}),
        ("took_s", {"ended": "KeyError", "of": "work"}),
    ]


def test_nobody_looks():
    NULL_OBSERVER.count("things", of="work")
    with span(NULL_OBSERVER, "took_s"):
        pass

"""What an observer is told of how quickly a recording's text comes."""

from __future__ import annotations

import pytest

from auricle.reading.times import MAX_SHORT_S, RecordingTimes


class Told:
    """An `Observer` that keeps what it is told."""

    def __init__(self) -> None:
        self.values: list[tuple[str, str, float]] = []

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        raise AssertionError(name)

    def record(self, name: str, value: float, **labels: str) -> None:
        self.values.append((name, "".join(labels.values()), value))


@pytest.mark.parametrize(
    ("duration_s", "length", "factor"), [(MAX_SHORT_S, "short", 0.1), (120.0, "long", 0.05)]
)
def test_first_text_and_all_of_it(duration_s: float, length: str, factor: float):
    told = Told()
    clock_s = iter([10.0, 12.0, 16.0])
    times = RecordingTimes(told, lambda: next(clock_s))
    times.text()
    times.text()
    times.end(duration_s)
    assert told.values == [
        ("first_text_s", "recording", 2.0),
        ("recording_s", "", 6.0),
        ("real_time_factor", length, pytest.approx(factor)),
    ]


def test_an_empty_recording_has_no_factor():
    told = Told()
    RecordingTimes(told, lambda: 1.0).end(0.0)
    assert told.values == [("recording_s", "", 0.0)]

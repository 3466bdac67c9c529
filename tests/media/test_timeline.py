"""Where frames belong by a container's clock, whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterable

import av
import pytest

from auricle.media.timeline import Clock, Silence, Timeline

RATE = 1_000
FRAME_S = 0.2
"""Length of a frame."""

FILE = Clock(max_jump_s=3600.0)


def frame() -> av.AudioFrame:
    made = av.AudioFrame(format="s16", layout="mono", samples=round(FRAME_S * RATE))
    made.sample_rate = RATE
    return made


def placed(
    times_s: Iterable[float | None], clock: Clock = FILE, max_s: float = 6 * 3600.0
) -> list[float | str]:
    """What comes out for frames with these times: a gap's length, or ``frame``."""
    timeline = Timeline(max_s)
    timeline.begin(clock)
    found: list[float | str] = []
    for time_s in times_s:
        found += [shown(piece) for piece in timeline.place(frame(), time_s)]
    found += [shown(piece) for piece in timeline.finish()]
    assert sum(FRAME_S if each == "frame" else float(each) for each in found) == pytest.approx(
        timeline.next_s
    )
    return found


def shown(piece: av.AudioFrame | Silence) -> float | str:
    return round(piece.duration_s, 6) if isinstance(piece, Silence) else "frame"


def steps(first_s: float, n: int) -> list[float]:
    return [first_s + i * FRAME_S for i in range(n)]


def frames(n: int) -> list[str]:
    return ["frame"] * n


@pytest.mark.parametrize(
    ("times_s", "expected"),
    [
        pytest.param(steps(0, 9), frames(9), id="a clock that only goes on"),
        pytest.param([None] * 9, frames(9), id="no clock"),
        pytest.param(steps(5, 9), [5.0, *frames(9)], id="a track that begins later"),
        pytest.param(
            [*steps(0, 5), *steps(20, 5)], [*frames(5), 19.0, *frames(5)], id="missing packets"
        ),
        pytest.param(
            [*steps(0, 5), *steps(20, 1), None, *steps(20.4, 3)],
            [*frames(5), 19.0, *frames(5)],
            id="missing packets, then a frame without a time",
        ),
        pytest.param([*steps(0, 5), *steps(0, 5)], frames(10), id="a clock that starts anew"),
        pytest.param(
            [*steps(0, 5), *steps(0, 5), *steps(3, 5)],
            [*frames(10), 2.0, *frames(5)],
            id="missing packets after the clock has started anew",
        ),
        pytest.param(
            [*steps(0, 5), 700.0, *steps(1.2, 4)], frames(10), id="one time that is far ahead"
        ),
        pytest.param(
            [*steps(0, 5), -700.0, *steps(1.2, 4)], frames(10), id="one time that is far behind"
        ),
        pytest.param(
            [*steps(0, 5), 700.0, 9.0, *steps(1.4, 4)], frames(11), id="two times that are wrong"
        ),
        pytest.param([*steps(0, 5), 700.0], frames(6), id="a wrong time at the end"),
        pytest.param(
            [*steps(0, 5), *steps(10, 2)], [*frames(5), 9.0, *frames(2)], id="little after a gap"
        ),
        pytest.param(
            [time_s + 0.08 * (i % 2) for i, time_s in enumerate(steps(0, 9))],
            frames(9),
            id="times that jitter",
        ),
        pytest.param(
            [time_s * 1.02 for time_s in steps(0, 29)],
            [*frames(26), 0.104, *frames(3)],
            id="a clock that runs faster than the samples",
        ),
        pytest.param(
            [time_s * 0.98 for time_s in steps(0, 29)],
            frames(29),
            id="a clock that runs slower than the samples: nothing is dropped",
        ),
        pytest.param([2.0**63] * 9, frames(9), id="times beyond all bounds"),
    ],
)
def test_frames_come_at_the_containers_time(times_s, expected):
    assert placed(times_s) == expected


def test_a_jump_of_hours_is_damage():
    assert placed([*steps(0, 5), *steps(3700, 5)]) == frames(10)
    assert placed([*steps(0, 5), *steps(3500, 5)]) == [*frames(5), 3499.0, *frames(5)]


def test_a_header_that_says_how_long_the_recording_is_is_believed():
    """Somebody was muted for two hours; or was not, and a time is damaged."""
    long = Clock(max_jump_s=600.0, end_s=7210.0)
    short = Clock(max_jump_s=600.0, end_s=60.0)
    wrong = Clock(max_jump_s=600.0, end_s=0.5)
    times_s = [*steps(0, 5), *steps(7201, 5)]
    assert placed(times_s, long) == [*frames(5), 7200.0, *frames(5)]
    assert placed([*steps(0, 5), *steps(301, 5)], short) == frames(10)
    assert placed([*steps(0, 5), *steps(301, 5)], wrong) == [*frames(5), 300.0, *frames(5)]


def test_no_jump_leads_beyond_what_a_recording_may_last():
    timeline = Timeline(max_s=100.0)
    timeline.begin(FILE)
    for time_s in (*steps(0, 5), *steps(200, 5)):
        list(timeline.place(frame(), time_s))
    assert timeline.next_s == pytest.approx(2.0)
    assert timeline.unlikely_at_s == pytest.approx(1.0)


def test_a_second_container_follows_the_first_whatever_its_clock_says():
    timeline = Timeline(3600.0)
    found = []
    for first_s in (0.0, 0.0, 3.0):
        timeline.begin(FILE)
        for time_s in steps(first_s, 5):
            found += [shown(piece) for piece in timeline.place(frame(), time_s)]
        found += [shown(piece) for piece in timeline.finish()]
    assert found == [*frames(10), 3.0, *frames(5)]

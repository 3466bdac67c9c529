"""Turns begin, pause and end where the probabilities of speech say so. A frame is 32 ms."""

from __future__ import annotations

import pytest

from auricle.live.turns import (
    Ended,
    Paused,
    Resumed,
    Started,
    TurnDetector,
    TurnEvent,
    TurnOptions,
)

VOICE, NOBODY = 0.9, 0.02


def at(frame: int) -> float:
    return frame * 512 / 16_000


def detector(**options) -> TurnDetector:
    return TurnDetector(TurnOptions(prefix_padding_s=0.32, silence_s=0.48, **options))


def follow(
    turns: TurnDetector, *runs: tuple[float, int], committed_s: float = 0.0
) -> list[TurnEvent]:
    """The events of runs of ``(probability, frames)``."""
    events: list[TurnEvent] = []
    for probability, n in runs:
        events += turns.push([probability] * n, committed_s)
    return events


def test_a_turn_from_its_start_to_its_end():
    events = follow(detector(), (NOBODY, 20), (VOICE, 30), (NOBODY, 20))
    assert events == [
        Started(at(10)),  # 0.32 s of padding
        Paused(at(50)),
        Ended(at(65)),  # 0.48 s of silence
    ]


def test_frame_by_frame_is_the_same():
    runs = [(NOBODY, 20), (VOICE, 30), (NOBODY, 9), (VOICE, 10), (NOBODY, 20)]
    single = [(probability, 1) for probability, n in runs for _ in range(n)]
    assert follow(detector(), *single) == follow(detector(), *runs)


def test_a_short_pause_is_part_of_the_turn():
    events = follow(detector(), (VOICE, 30), (NOBODY, 9), (VOICE, 10), (NOBODY, 20))
    assert events == [Started(0.0), Paused(at(30)), Resumed(at(39)), Paused(at(49)), Ended(at(64))]


def test_a_stop_within_a_word_is_no_pause():
    assert follow(detector(), (VOICE, 30), (NOBODY, 4), (VOICE, 10)) == [Started(0.0)]


def test_a_click_is_no_speech():
    assert follow(detector(), (NOBODY, 20), (VOICE, 2), (NOBODY, 20), (VOICE, 2)) == []


def test_a_voice_that_flickers_is_believed():
    runs = [(VOICE, 1), (NOBODY, 3)] * 3
    assert follow(detector(), (NOBODY, 20), *runs) == [Started(at(10))]


def test_speech_goes_on_a_little_below_the_threshold():
    assert follow(detector(), (VOICE, 10), (0.4, 40)) == [Started(0.0)]


def test_padding_does_not_reach_into_the_turn_before():
    events = follow(detector(), (VOICE, 30), (NOBODY, 17), (VOICE, 10))
    assert events == [Started(0.0), Paused(at(30)), Ended(at(45)), Started(at(45))]


def test_manual_turns_are_never_ended_by_silence():
    events = follow(detector(ending="manual"), (VOICE, 10), (NOBODY, 400))
    assert events == [Started(0.0), Paused(at(10))]


def test_a_manual_end_begins_anew():
    turns = detector(ending="manual")
    follow(turns, (VOICE, 30))
    turns.end()
    assert not turns.is_open
    assert follow(turns, (VOICE, 10)) == [Started(at(30))]


def test_a_speaker_who_is_done_ends_the_turn():
    turns = detector(ending="semantic")
    assert follow(turns, (VOICE, 30), (NOBODY, 20)) == [Started(0.0), Paused(at(30))]
    assert turns.take_end_probability(0.49) == []
    assert turns.take_end_probability(0.5) == [Ended(at(50))]


def test_nobody_is_done_while_he_speaks():
    turns = detector(ending="semantic")
    follow(turns, (VOICE, 30))
    assert turns.take_end_probability(1.0) == []


def test_whoever_says_nothing_for_long_is_done():
    events = follow(detector(ending="semantic", max_wait_s=2.0), (VOICE, 30), (NOBODY, 100))
    assert events == [Started(0.0), Paused(at(30)), Ended(at(93))]


def test_a_long_turn_ends_at_a_shorter_pause():
    """Of 9.6 s, 8.8 have passed: a quarter of the usual silence is enough."""
    events = follow(detector(longest_s=9.6), (VOICE, 270), (NOBODY, 6), (VOICE, 5))
    assert events == [Started(0.0), Paused(at(270)), Ended(at(275)), Started(at(275))]


def test_a_turn_that_only_its_client_ends_is_cut_in_a_pause_at_its_limit():
    """It was cut in speech that was over by then, and what was said behind began no turn."""
    runs = [(VOICE, 250), (0.6, 1), (VOICE, 40), (NOBODY, 20), (VOICE, 5)]
    events = follow(detector(ending="manual", longest_s=9.6), *runs)
    assert events == [Started(0.0), Paused(at(291)), Ended(at(300)), Started(at(301))]


def test_without_a_pause_a_long_turn_is_cut_where_speech_is_least_probable():
    runs = [(VOICE, 250), (0.6, 1), (VOICE, 60)]
    events = follow(detector(longest_s=9.6), *runs)
    assert events == [Started(0.0), Ended(at(250)), Started(at(250))]


def test_a_turn_is_not_cut_among_words_that_are_committed():
    runs = [(VOICE, 250), (0.6, 1), (VOICE, 20), (0.7, 1), (VOICE, 39)]
    events = follow(detector(longest_s=9.6), *runs, committed_s=at(260))
    assert events == [Started(0.0), Ended(at(271)), Started(at(271))]


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_hours_take_no_more_memory_than_seconds(probability):
    turns = detector(longest_s=9.6)
    for _ in range(100):
        turns.push([probability] * 1000, 0.0)
    assert len(turns._probabilities) <= 250
    assert len(turns._recent) <= 3

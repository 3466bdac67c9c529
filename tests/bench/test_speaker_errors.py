"""Error rates against cases worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from auricle.speakers.matching import best_pairs
from auricle.speakers.turns import NamedTurn
from auricle_bench.speaker_errors import aligned, diarization_errors, word_errors


def turns(*each: tuple[str, float, float]) -> list[NamedTurn]:
    return [NamedTurn(start_s, end_s, speaker) for speaker, start_s, end_s in each]


TWO = turns(("a", 0, 10), ("b", 10, 20))


@pytest.mark.parametrize(
    ("hypothesis", "collar_s", "missed", "false_alarm", "confused"),
    [
        ([("x", 0, 10), ("y", 10, 20)], 0, 0, 0, 0),
        ([("y", 0, 10), ("x", 10, 20)], 0, 0, 0, 0),
        ([("x", 0, 20)], 0, 0, 0, 10),
        ([], 0, 20, 0, 0),
        ([("x", 0, 10), ("y", 10, 20), ("z", 20, 22)], 0, 0, 2, 0),
        ([("x", 0, 10.2), ("y", 10.2, 20)], 0, 0, 0, 0.2),
        ([("x", 0, 10.2), ("y", 10.2, 20)], 0.25, 0, 0, 0),
        ([("x", 1, 10), ("y", 10, 20)], 0.25, 0.75, 0, 0),
        ([("x", 0, 10), ("y", 5, 20)], 0, 0, 5, 0),
        ([("x", 0, 7), ("x", 3, 10), ("y", 10, 20)], 0, 0, 0, 0),
    ],
)
def test_parts(hypothesis, collar_s, missed, false_alarm, confused):
    found = diarization_errors(TWO, turns(*hypothesis), collar_s)
    assert [found.missed_s, found.false_alarm_s, found.confused_s] == pytest.approx(
        [missed, false_alarm, confused]
    )
    speech_s = 20 - (collar_s and 4 * collar_s)  # half of the collars lie outside
    assert found.speech_s == pytest.approx(speech_s)
    assert found.rate == pytest.approx((missed + false_alarm + confused) / speech_s)


def test_speech_of_two_counts_for_both():
    both = turns(("a", 0, 10), ("b", 5, 10))
    found = diarization_errors(both, turns(("x", 0, 10)))
    assert (found.speech_s, found.missed_s, found.confused_s) == pytest.approx((15, 5, 0))
    assert (found.n_reference, found.n_hypothesis) == (2, 1)


def test_without_speech():
    assert diarization_errors([], []).rate == 0
    assert diarization_errors([], turns(("x", 0, 1))).rate == float("inf")


def test_the_best_pairs_are_the_best():
    rng = np.random.default_rng(0)
    for n, m in itertools.product(range(1, 5), range(1, 5)):
        values = rng.integers(0, 9, (n, m)).astype(float)
        small, large = sorted((n, m))
        table = values if n <= m else values.T
        best = max(
            sum(table[i, j] for i, j in enumerate(chosen))
            for chosen in itertools.permutations(range(large), small)
        )
        found = best_pairs(values)
        assert sum(values[pair] for pair in found) == best
        assert len({i for i, _ in found}) == len({j for _, j in found}) == len(found)
    assert best_pairs(np.zeros((0, 3))) == []
    assert best_pairs(np.zeros((2, 2))) == []


def words(text: str, who: str) -> list[tuple[str, str]]:
    return list(zip(text.split(), who, strict=True))


SAID = words("hello there bob hi ann bye", "AAABBA")


@pytest.mark.parametrize(
    ("text", "who", "n_words", "n_wrong"),
    [
        ("hello there bob hi ann bye", "xxxyyx", 6, 0),
        ("hello there bob hi ann bye", "xxxyyy", 6, 1),
        ("hello there bob hi ann bye", "xxxxxx", 6, 2),
        ("there bob hi ann bye", "xxyyx", 5, 0),
        ("hello there rob uh hi ann bye", "xxyyyyx", 6, 1),
        ("", "", 0, 0),
    ],
)
def test_word_errors(text, who, n_words, n_wrong):
    found = word_errors(SAID, words(text, who))
    assert (found.n_words, found.n_wrong) == (n_words, n_wrong)
    assert found.rate == (n_wrong / n_words if n_words else 0)


def test_alignment_is_a_cheapest_one():
    assert aligned(list("kitten"), list("sitting")) == [(i, i) for i in range(6)]
    assert aligned(list("abc"), list("c")) == [(2, 0)]
    assert aligned([], list("abc")) == []

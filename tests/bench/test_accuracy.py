"""Error rates after Whisper's normaliser."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle_bench.accuracy import by_language, score
from auricle_bench.clips import Clip
from auricle_bench.load import Outcome
from auricle_bench.summary import Rate


@pytest.mark.parametrize(
    ("said", "heard", "language", "expected"),
    [
        ("Hello, world!", "hello world", "en", Rate("words", 2, 0)),
        ("Mr. Brown likes colour", "mister brown likes color", "en", Rate("words", 4, 0)),
        ("red green blue", "red blue", "en", Rate("words", 3, 1)),
        ("red", "red red red", "en", Rate("words", 1, 2)),
        ("red green", "", "en", Rate("words", 2, 2)),
        ("Guten Tag.", "guten tag", "de", Rate("words", 2, 0)),
        ("你好 吗", "你好吗?", "zh", Rate("characters", 3, 0)),
        ("你好", "你们", "zh", Rate("characters", 2, 1)),
    ],
)
def test_score(said, heard, language, expected):
    assert score(said, heard, language) == expected


def test_a_rate_is_errors_by_units():
    assert Rate("words", 8, 2).rate == 0.25
    assert Rate("words", 0, 0).rate == 0.0


def test_answers_are_summed_by_language():
    """Failed requests and clips without references count for nothing."""

    def outcome(language: str | None, said: str | None, heard: str | None) -> Outcome:
        return Outcome(Clip(Path("a"), 1.0, language, said), 0, 1, "200", heard, None, None)

    outcomes = [
        outcome("en", "red green", "Red, green."),
        outcome("de", "eins zwei", "eins drei"),
        outcome("en", "blue", "blew"),
        outcome("en", "lost", None),
        outcome(None, None, "anything"),
    ]
    assert by_language(outcomes) == {"de": Rate("words", 2, 1), "en": Rate("words", 3, 1)}

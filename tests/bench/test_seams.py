"""What a long recording loses or repeats in one place, apart from words that are misheard."""

from __future__ import annotations

import pytest

from auricle_bench.measurements import seams

SAID = "a red fox ran over the hill today"


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (SAID, []),
        ("a red dog ran under that hill today", []),
        ("a red fox ran today", [("over the hill", "")]),
        ("a fog today", [("red fox ran over the hill", "fog")]),
        (f"a red fox {SAID}", [("", "a red fox")]),
        ("", [(SAID, "")]),
    ],
)
def test_a_place_has_three_words_more_or_fewer(heard, expected):
    assert seams.places(SAID, heard) == expected


def test_places_are_counted_alone_and_joined_and_say_whether_they_are_new():
    lost, repeated = "a red fox ran today", "some say it is best so be it"
    pairs = [(SAID, lost), (repeated, repeated)]
    read = seams.Read("base", pairs, f"{lost} {repeated} so be it")
    counts, listed = seams.figures_of("2 clips", [read]).tables
    assert (counts.caption, counts.rows) == (
        "2 clips, 16 words:",
        [
            ("base", "one by one", "3", "", "1", "0"),
            ("base", "joined", "6", "**+187.5**", "1", "1"),
            ("wanted, at most", "", "", "+5", "", ""),
        ],
    )
    assert listed.rows == [
        ("base", "over the hill", "", "yes"),
        ("base", "", "so be it", "no"),
    ]

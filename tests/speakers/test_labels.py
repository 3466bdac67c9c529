"""Names of speakers: their own, or the next free letter."""

from __future__ import annotations

from auricle.speakers.labels import labels


def test_letters_in_order_and_names_as_they_are():
    assert labels([None, "Ann", None]) == ["A", "Ann", "B"]
    assert labels([]) == []


def test_a_letter_that_is_somebodys_name_is_nobody_elses():
    assert labels([None, "A", None, "C", None]) == ["B", "A", "D", "C", "E"]


def test_more_people_than_letters():
    found = labels([None] * 53)
    assert [found[i] for i in (25, 26, 27, 51, 52)] == ["Z", "AA", "AB", "AZ", "BA"]

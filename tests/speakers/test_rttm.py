"""RTTM in and out."""

from __future__ import annotations

import pytest

from auricle.errors import InvalidRequest
from auricle.speakers import rttm
from auricle.speakers.turns import NamedTurn

TURNS = [NamedTurn(0.5, 2.0, "Ann_B"), NamedTurn(1.25, 3.125, "2")]
TEXT = (
    "SPEAKER a_talk 1 0.500 1.500 <NA> <NA> Ann_B <NA> <NA>\n"
    "SPEAKER a_talk 1 1.250 1.875 <NA> <NA> 2 <NA> <NA>\n"
)


def test_out():
    assert rttm.write(TURNS, "a_talk") == TEXT
    assert rttm.write([NamedTurn(0, 1, "Ann B\t"), NamedTurn(1, 2, " ")], "a talk") == (
        "SPEAKER a_talk 1 0.000 1.000 <NA> <NA> Ann_B <NA> <NA>\n"
        "SPEAKER a_talk 1 1.000 1.000 <NA> <NA> _ <NA> <NA>\n"
    )


def test_in():
    other = ";; a comment\nSPKR-INFO a 1 <NA> <NA> <NA> unknown Ann_B <NA> <NA>\n\n"
    empty = "SPEAKER a_talk 1 9.0 0.0 <NA> <NA> 2 <NA> <NA>\n"
    assert rttm.read(other + TEXT + empty) == TURNS
    assert rttm.read("") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKER a 1 0.5", "line 2 of the RTTM has 4 fields instead of 10"),
        ("SPEAKER a 1 x 1 <NA> <NA> b <NA> <NA>", "line 2 of the RTTM has 'x' where seconds"),
        ("SPEAKER a 1 0 -1 <NA> <NA> b <NA> <NA>", "line 2 of the RTTM has '-1'"),
        ("SPEAKER a 1 nan 1 <NA> <NA> b <NA> <NA>", "line 2 of the RTTM has 'nan'"),
    ],
)
def test_what_is_wrong_is_named(line, message):
    with pytest.raises(InvalidRequest, match=message):
        rttm.read("\n" + line)

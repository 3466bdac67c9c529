"""Turns as RTTM, the text format of NIST's Rich Transcription evaluations.

Knows nothing about scoring. A line is ``SPEAKER file channel start duration <NA> <NA> name <NA>
<NA>``, with times in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from auricle.errors import InvalidRequest
from auricle.speakers.turns import NamedTurn

_FIELDS = 8


def read(text: str) -> list[NamedTurn]:
    """The turns of every ``SPEAKER`` line; other kinds of lines are passed over.

    Raises:
        InvalidRequest: with the number of the line and what is wrong with it.
    """
    turns = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        if len(fields) < _FIELDS:
            raise InvalidRequest(
                f"line {number} of the RTTM has {len(fields)} fields instead of 10"
            )
        start_s, duration_s = (_seconds(value, number) for value in fields[3:5])
        if duration_s > 0:
            turns.append(NamedTurn(start_s, start_s + duration_s, fields[7]))
    return turns


def write(turns: Iterable[NamedTurn], recording: str) -> str:
    """One line a turn, in their order. Blanks in names become underscores: the format has none."""
    return "".join(
        f"SPEAKER {_word(recording)} 1 {turn.start_s:.3f} {turn.end_s - turn.start_s:.3f} "
        f"<NA> <NA> {_word(turn.speaker)} <NA> <NA>\n"
        for turn in turns
    )


def _word(text: str) -> str:
    return "_".join(text.split()) or "_"


def _seconds(text: str, number: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise InvalidRequest(f"line {number} of the RTTM has {text!r} where seconds are expected")
    return value

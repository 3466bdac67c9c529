"""Generated token ids to timed pieces of text, after Whisper's timestamp rules.

Knows nothing about vocabularies beyond where timestamps begin, and nothing about audio.

Timestamps stand around each piece: ``<|0.00|> text <|2.40|><|2.40|> text <|5.00|>``. A pair in the
middle closes one piece and opens the next. After a single closing timestamp the model has read the
whole window; after a pair it meant to go on, and what follows the pair is read again by the caller
with the audio from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from auricle.whisper.dimensions import SECONDS_PER_STATE

MIN_REST_S = 0.8
"""A shorter rest is the silence kept around speech; reading it again only invites inventions."""

PAST_END_S = 1.0
"""Timestamps are that inexact; of a single word the model often says that it lasts 2.5 s."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Token ids between two timestamps; times in seconds from the start of the window."""

    start_s: float
    end_s: float
    ids: tuple[int, ...]
    first: int = 0
    """Where in what was generated they begin."""


def split(
    ids: Sequence[int], first_timestamp: int, duration_s: float
) -> tuple[list[Piece], float | None]:
    """Cut generated ``ids`` (without end-of-text) into pieces and find where reading must go on.

    Pieces are in order, inside ``[0, duration_s]`` and of positive length. After others, a piece
    that begins clearly behind the audio is left out: nobody said it. The second value is the
    time of the rest, or None when the window was read to its end.
    """
    pairs = [
        i for i in range(1, len(ids)) if ids[i - 1] >= first_timestamp and ids[i] >= first_timestamp
    ]
    resume_s = None
    end = len(ids)
    if pairs and not _closed(ids, first_timestamp):
        last_s = (ids[pairs[-1] - 1] - first_timestamp) * SECONDS_PER_STATE
        if last_s >= 1.0 and duration_s - last_s >= MIN_REST_S:
            resume_s = last_s
            end = pairs[-1]
    starts = [0, *(i for i in pairs if i < end)]
    pieces: list[Piece] = []
    for first, last in zip(starts, [*starts[1:], end], strict=True):
        piece = _piece(ids[first:last], first, first_timestamp, duration_s)
        if piece is not None and not (pieces and piece.start_s > duration_s + PAST_END_S):
            previous_s = pieces[-1].end_s if pieces else 0.0
            pieces.append(_placed(piece, previous_s, duration_s))
    return pieces, resume_s


def overruns_audio(ids: Sequence[int], first_timestamp: int, duration_s: float) -> bool:
    """Whether text begins so far behind the audio that it must have been heard where there is
    none. That a text ends late says nothing: timestamps are often a second or more off."""
    latest = first_timestamp + (duration_s + PAST_END_S) / SECONDS_PER_STATE
    return any(start > latest and i < first_timestamp for start, i in pairwise(ids))


def _closed(ids: Sequence[int], first_timestamp: int) -> bool:
    """Whether the sequence ends in a single timestamp: the model has nothing more to say."""
    return len(ids) >= 2 and ids[-1] >= first_timestamp and ids[-2] < first_timestamp


def _piece(ids: Sequence[int], first: int, first_timestamp: int, duration_s: float) -> Piece | None:
    """The piece that begins at ``first`` with the times it states; None when it holds no text."""
    if all(i >= first_timestamp for i in ids):
        return None
    start_s, end_s = 0.0, duration_s
    if ids[0] >= first_timestamp:
        start_s = (ids[0] - first_timestamp) * SECONDS_PER_STATE
    if ids[-1] >= first_timestamp:
        end_s = (ids[-1] - first_timestamp) * SECONDS_PER_STATE
    return Piece(start_s, end_s, tuple(ids), first)


def _placed(piece: Piece, previous_s: float, duration_s: float) -> Piece:
    """The piece moved, where it must be, after the one before it and inside the window."""
    latest_start_s = max(0.0, duration_s - SECONDS_PER_STATE)
    start_s = min(max(piece.start_s, previous_s), latest_start_s)
    first_end_s = start_s + SECONDS_PER_STATE
    end_s = min(max(piece.end_s, first_end_s), max(duration_s, first_end_s))
    return Piece(start_s, end_s, piece.ids, piece.first)

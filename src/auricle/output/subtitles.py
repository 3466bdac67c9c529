"""Segments to cues that can be read: lines and cues of limited length, broken at good places.

Knows nothing about subtitle files. A segment that fits is one cue; a longer one is split at
sentence ends before punctuation, at punctuation before pauses, and never inside a word. Segments
are never joined. A cue's times are those of its words, or by characters where there are none.

Why it is so: docs/decisions.md, Subtitles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TypeAlias

from auricle.output.line_breaking import (
    ends_clause,
    ends_sentence,
    is_inside_word,
    plain,
    unbreakable,
    width,
)
from auricle.types import Segment

MIN_CUE_S = 1.0
"""How long a cue is shown at least, where there is room before the next."""

PAUSE_S = 0.3
"""Silence between two words that makes a good place to break."""

_TICK_S = 0.001
"""Subtitle files count milliseconds; limits hold to the millisecond."""

_PER_CUE = 1.0
_PER_LINE = 100.0
_AT_PUNCTUATION = 0.5
_AT_PAUSE = 1.0
_ANYWHERE = 3.0
_INSIDE_WORD = 12.0
"""What a way of splitting costs; the cheapest is taken. A cue more is better than a break anywhere
else than at a sentence end; a line more is never worth it. Scripts without spaces can be broken
inside a word of several characters, which is worst."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a cue may be; 0 turns a limit off. Wide characters, as in Chinese, count double.
    A single word that is wider than a line stands on a line of its own."""

    max_line_width: int = 42
    """Characters."""
    max_line_count: int = 2
    """Means nothing while lines may be of any width."""
    max_cue_s: float = 7.0

    @property
    def may_split(self) -> bool:
        """Whether a segment can become several cues, so that the times of words matter."""
        return bool(self.max_cue_s or (self.max_line_width and self.max_line_count))

    def beside(self, label_width: int) -> Shape:
        """The same with narrower lines, half as wide at least."""
        if not label_width or not self.max_line_width:
            return self
        narrow = max(self.max_line_width - label_width, self.max_line_width // 2, 1)
        return replace(self, max_line_width=narrow)


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines that are shown together."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str | None = None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text that stays on one line, and when it is said. ``gap`` is what stands before it on the
    same line: a space or, between characters, nothing."""

    text: str
    gap: str
    width: int
    start_s: float
    end_s: float
    break_cost: float = _ANYWHERE
    """Of ending a cue or a line after this piece."""


def cues(
    segments: Iterable[Segment],
    shape: Shape,
    duration_s: float,
    label_width: Callable[[str | None], int] = lambda _: 0,
) -> Iterator[Cue]:
    """All cues of a recording, in order, in whole milliseconds: none is empty, each starts after
    the one before it and ends no later than the next begins. ``label_width`` is the room that lines
    leave for what stands before a speaker's words."""
    waiting: Cue | None = None
    for segment in segments:
        for cue in _split(segment, shape.beside(label_width(segment.speaker))):
            start_s = max(0.0, round(cue.start_s, 3))
            if waiting is not None:
                start_s = max(start_s, waiting.start_s + _TICK_S)
                yield _timed(waiting, start_s, shape, duration_s)
            waiting = replace(cue, start_s=round(start_s, 3))
    if waiting is not None:
        yield _timed(waiting, float("inf"), shape, duration_s)


def _timed(cue: Cue, next_s: float, shape: Shape, duration_s: float) -> Cue:
    """Shown long enough where nothing is in the way, and not for too long."""
    end_s = max(cue.end_s, min(cue.start_s + MIN_CUE_S, duration_s), cue.start_s + _TICK_S)
    if shape.max_cue_s:
        end_s = min(end_s, cue.start_s + max(shape.max_cue_s, _TICK_S))
    return replace(cue, end_s=round(min(end_s, next_s), 3))


def _split(segment: Segment, shape: Shape) -> Iterator[Cue]:
    pieces = _pieces(segment)
    for some in _runs(pieces, _cue_cost(pieces, shape)):
        lines = _runs(some, _line_cost(some, shape.max_line_width))
        yield Cue(some[0].start_s, some[-1].end_s, tuple(map(_joined, lines)), segment.speaker)


def _pieces(segment: Segment) -> list[_Piece]:
    words = _timed_words(segment)
    starts, ends = _character_times(words)
    word_ends = set(accumulate(len(text) for text, _, _ in words))
    found: list[_Piece] = []
    for first, last in unbreakable(segment.text):
        text = plain(segment.text[first:last])
        gap = " " if first and segment.text[first - 1].isspace() else ""
        is_free = last in word_ends or len(words) == 1
        cost = _ANYWHERE if is_free and not is_inside_word(segment.text, last) else _INSIDE_WORD
        found.append(_Piece(text, gap, width(text), starts[first], ends[last - 1], cost))
    better = [replace(one, break_cost=_break_cost(one, after)) for one, after in pairwise(found)]
    return better + found[-1:]


def _break_cost(piece: _Piece, after: _Piece) -> float:
    if ends_sentence(piece.text, after.text):
        return 0.0
    if ends_clause(piece.text):
        return _AT_PUNCTUATION
    return _AT_PAUSE if after.start_s - piece.end_s >= PAUSE_S else piece.break_cost


TimedWord: TypeAlias = tuple[str, float, float]


def _timed_words(segment: Segment) -> list[TimedWord]:
    """The segment's words, or all of it as one when they are not known."""
    words = [(word.text, word.start_s, word.end_s) for word in segment.words or ()]
    if "".join(text for text, _, _ in words) == segment.text:
        return words
    return [(segment.text, segment.start_s, segment.end_s)]


def _character_times(words: Sequence[TimedWord]) -> tuple[list[float], list[float]]:
    """When each character starts and ends, evenly spread over its word."""
    starts, ends = [], []
    for text, start_s, end_s in words:
        n_spaces = len(text) - len(text.lstrip())
        each_s = (end_s - start_s) / max(1, len(text) - n_spaces)
        for place in range(-n_spaces, len(text) - n_spaces):
            starts.append(start_s + each_s * max(0, place))
            ends.append(start_s + each_s * max(0, place + 1))
    return starts, ends


Cost = Callable[[int, int], float | None]
"""Of taking the pieces from one index up to another as one run; None when that is too much."""


def _runs(pieces: Sequence[_Piece], cost: Cost) -> list[Sequence[_Piece]]:
    """The cheapest way to divide ``pieces`` in runs; a single piece is always allowed."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    best += [(float("inf"), 0)] * len(pieces)
    for first in range(len(pieces)):
        so_far = best[first][0]
        for last in range(first + 1, len(pieces) + 1):
            more = cost(first, last)
            if more is None:
                break
            if last < len(pieces):
                more += pieces[last - 1].break_cost
            if so_far + more < best[last][0]:
                best[last] = (so_far + more, first)
    runs: list[Sequence[_Piece]] = []
    last = len(pieces)
    while last:
        first = best[last][1]
        runs.append(pieces[first:last])
        last = first
    return runs[::-1]


def _cue_cost(pieces: Sequence[_Piece], shape: Shape) -> Cost:
    """A cue costs more the fuller it is, so that two cues share their text evenly."""
    sums = _width_sums(pieces)
    capacity = shape.max_line_width * shape.max_line_count
    line_ends = _greedy_line_ends(pieces, shape.max_line_width)

    def cost(first: int, last: int) -> float | None:
        share = 0.0
        if capacity:
            end = first
            for _ in range(shape.max_line_count):
                end = line_ends[end]
                if end >= last:
                    break
            if end < last and last - first > 1:
                return None
            share = (sums[last] - sums[first]) / capacity
        if shape.max_cue_s:
            length_s = pieces[last - 1].end_s - pieces[first].start_s
            if length_s > shape.max_cue_s + _TICK_S / 2 and last - first > 1:
                return None
            share = max(share, length_s / shape.max_cue_s)
        return _PER_CUE + share**2

    return cost


def _line_cost(pieces: Sequence[_Piece], max_width: int) -> Cost:
    sums = _width_sums(pieces)

    def cost(first: int, last: int) -> float | None:
        if not max_width:
            return 0.0 if last == len(pieces) else _PER_LINE
        used = sums[last] - sums[first] - len(pieces[first].gap)
        if used > max_width and last - first > 1:
            return None
        return _PER_LINE + 10 * (used / max_width) ** 2

    return cost


def _greedy_line_ends(pieces: Sequence[_Piece], max_width: int) -> list[int]:
    """For a line that starts with each piece, the index of the first piece that no longer fits."""
    sums = _width_sums(pieces)
    ends: list[int] = []
    end = 0
    for first in range(len(pieces)):
        end = max(end, first + 1)
        room = max_width + sums[first] + len(pieces[first].gap)
        while end < len(pieces) and sums[end + 1] <= room:
            end += 1
        ends.append(end)
    return [*ends, len(pieces)]


def _width_sums(pieces: Sequence[_Piece]) -> list[int]:
    """The width of everything before each piece, with gaps."""
    return list(accumulate((len(piece.gap) + piece.width for piece in pieces), initial=0))


def _joined(line: Sequence[_Piece]) -> str:
    return line[0].text + "".join(piece.gap + piece.text for piece in line[1:])

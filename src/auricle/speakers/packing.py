"""Several stretches of speech in one line of frames, so that a network takes them in one go.

Knows nothing about the network, except that it halves the number of frames, sees no further than
`GAP` frames to either side in one layer, and takes means over stretches and over pieces of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

LINE = 640
"""Frames of a line: two stretches of 3 s and their gaps, or more shorter ones."""

GAP = 4
"""Empty frames behind each stretch, at least."""

PIECE = 100
"""Frames of half the rate in a piece of a stretch."""

MOST = 40
"""Stretches in a line, of 12 frames at least."""

MOST_PIECES = MOST + LINE // (2 * PIECE)


@dataclass(frozen=True, slots=True)
class Line:
    """Frames of several stretches, and matrices that tell whose they are at half the rate."""

    features: F32
    """``(640, 80)``; 0 in gaps."""
    inside: F32
    """``(640,)``: 1 within stretches, 0 in gaps."""
    means: F32
    """``(40, 320)``: takes the mean of each stretch."""
    members: F32
    """``(320, 40)``: 1 where a frame is in a stretch."""
    pieces: F32
    """``(43, 320)``: takes the mean of each piece and adds that of its stretch."""
    in_piece: F32
    """``(320, 43)``: 1 where a frame is in a piece."""
    spread: F32
    """``(40,)``: the factor from mean squares to variance, ``n / (n - 1)``."""


def lines(lengths: Sequence[int]) -> list[list[int]]:
    """Which stretches share a line: places in ``lengths``, each of at most `LINE` frames."""
    found: list[tuple[int, list[int]]] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        taken = _taken(lengths[place])
        for at, (left, line) in enumerate(found):
            if taken <= left and len(line) < MOST:
                found[at] = (left - taken, [*line, place])
                break
        else:
            found.append((LINE + GAP - taken, [place]))
    return [line for _, line in found]


def packed(stretches: Sequence[F32]) -> Line:
    """The frames ``(n_frames, 80)`` of stretches that fit a line, in this order."""
    half = LINE // 2
    line = Line(
        features=np.zeros((LINE, stretches[0].shape[1]), np.float32),
        inside=np.zeros(LINE, np.float32),
        means=np.zeros((MOST, half), np.float32),
        members=np.zeros((half, MOST), np.float32),
        pieces=np.zeros((MOST_PIECES, half), np.float32),
        in_piece=np.zeros((half, MOST_PIECES), np.float32),
        spread=np.ones(MOST, np.float32),
    )
    at = n_pieces = 0
    for number, frames in enumerate(stretches):
        n = -(-len(frames) // 2)
        first, last = at // 2, at // 2 + n
        line.features[at : at + len(frames)] = frames
        line.inside[at : at + len(frames)] = 1
        line.means[number, first:last] = 1 / n
        line.members[first:last, number] = 1
        line.spread[number] = n / max(1, n - 1)
        for start in range(first, last, PIECE):
            end = min(start + PIECE, last)
            line.pieces[n_pieces, first:last] = 1 / n
            line.pieces[n_pieces, start:end] += 1 / (end - start)
            line.in_piece[start:end, n_pieces] = 1
            n_pieces += 1
        at += _taken(len(frames))
    return line


def _taken(length: int) -> int:
    """Frames that a stretch takes in a line, with its gap; an even number."""
    return length + length % 2 + GAP

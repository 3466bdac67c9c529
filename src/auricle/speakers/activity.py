"""From what each chunk shows of its own three voices to stretches of one voice, and who overlaps.

Knows nothing about audio, networks or who the voices are; frames are those of `segmentation`.

Chunks overlap, so every frame is seen several times, with the voices in another order each time.
What does not depend on the order is averaged over the chunks: whether somebody speaks, whether two
do, and whether the voice changes. A stretch is speech between two pauses or changes, at most 3 s of
it. How often two stretches were one voice to the chunks that saw both is their link.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from auricle.speakers.segmentation import HOP, N_FRAMES, N_LOCAL, SETS
from auricle.speakers.stretches import FRAMES_PER_S, Overlap, Stretch, runs
from auricle.types import SAMPLE_RATE

STEP_FRAMES = 148
"""Frames from one chunk to the next: 2.5 s, so a frame is seen four times."""

SPEECH = 0.5
OVERLAP = 0.5
"""Mean probability from which a frame is speech, or the speech of two."""

CHANGE = 0.35
"""By how much the mean activity of a voice before and after a frame must differ for a change."""

SIDE_FRAMES = 7
"""How much of either side of a change is compared: 0.12 s. No stretch is shorter."""

LONGEST_FRAMES = round(3.0 * SAMPLE_RATE / HOP)

_MIN_SEEN_FRAMES = 30
_MIN_ACTIVITY = 0.3

_MEMBERS = np.array([[float(v in voices) for v in range(N_LOCAL)] for voices in SETS], np.float32)
_PAIRS = np.array([len(voices) > 1 for voices in SETS])

F32 = NDArray[np.float32]


@dataclass(slots=True)
class _Chunk:
    start: int
    activity: F32
    """``(589, 3)``: the probability of each voice."""
    alone: F32
    """``(589, 3)``: of each voice and nobody else."""
    pair: F32
    """``(589, 3)``: of each voice together with another."""
    seen: list[tuple[int, F32]] = field(default_factory=list)
    """Stretches in it and their mean activity."""
    overlaps: list[tuple[Overlap, F32]] = field(default_factory=list)
    """Overlaps in it and for how long each voice is one of two."""


class Timeline:
    """Collects the chunks of one recording in order; hands out what no later chunk can change.

    ``links[i, j]`` with ``i < j`` is how probable it is that two stretches are one voice, as the
    mean over the chunks that saw both. What is kept besides is bounded: chunks and frames that a
    later chunk may still see.
    """

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self.overlaps: list[Overlap] = []
        self._chunks: list[_Chunk] = []
        self._first = 0  # the frame at the start of the sums
        self._sums = np.zeros((3, 0))  # speech, overlap, change
        self._n_seen = np.zeros(0)
        self._links: dict[tuple[int, int], tuple[float, int]] = {}

    @property
    def pending(self) -> int:
        """The first frame that later stretches may hold."""
        return self._first

    @property
    def links(self) -> dict[tuple[int, int], float]:
        return {pair: total / n for pair, (total, n) in self._links.items()}

    def add(self, start: int, log_probabilities: F32) -> Iterator[Stretch]:
        """The next chunk, ``(589, 7)``, whose first frame is number ``start`` of the recording;
        yields the stretches that are certain now."""
        p = np.exp(log_probabilities)
        chunk = _Chunk(start, p @ _MEMBERS, p[:, 1 : 1 + N_LOCAL], p[:, _PAIRS] @ _MEMBERS[_PAIRS])
        self._chunks.append(chunk)
        end = start + len(p) - self._first
        missing = max(0, end - len(self._n_seen))
        self._sums = np.pad(self._sums, ((0, 0), (0, missing)))
        self._n_seen = np.pad(self._n_seen, (0, missing))
        place = slice(start - self._first, end)
        self._sums[:, place] += [1 - p[:, 0], p[:, _PAIRS].sum(1), changes(chunk.activity)]
        self._n_seen[place] += 1
        yield from self._settle(start + STEP_FRAMES, is_last=False)

    def finish(self, n_frames: int) -> Iterator[Stretch]:
        """No more chunks: the stretches left in a recording of ``n_frames``."""
        yield from self._settle(n_frames, is_last=True)

    def _settle(self, until: int, is_last: bool) -> Iterator[Stretch]:
        """Frames before ``until`` will not change any more."""
        n = min(until - self._first, len(self._n_seen))
        speech, overlap, change = self._sums[:, :n] / np.maximum(self._n_seen[:n], 1)
        sure = (speech - SPEECH) / (1 - SPEECH) * (overlap <= OVERLAP)
        spans, done = cut(speech > SPEECH, change, is_last)
        before = len(self.stretches)
        for start, end in spans:
            alone = runs(overlap[start:end] <= OVERLAP)
            first = self._first + start
            parts = tuple((first + a, first + b) for a, b in alone)
            sure_s = float(sure[start:end].sum()) / FRAMES_PER_S
            self.stretches.append(Stretch(first, self._first + end, parts, sure_s))
        self._see(range(before, len(self.stretches)))
        yield from self.stretches[before:]
        self._overlap(overlap[:done] > OVERLAP)
        self._first += done
        self._sums, self._n_seen = self._sums[:, done:], self._n_seen[done:]
        while self._chunks and (is_last or self._chunks[0].start + N_FRAMES <= self._first):
            self._link(self._chunks.pop(0))

    def _see(self, numbers: range) -> None:
        """Note the new stretches in the chunks that saw enough of them."""
        for number in numbers:
            stretch = self.stretches[number]
            for chunk in self._chunks:
                first = max(stretch.start - chunk.start, 0)
                last = min(stretch.end - chunk.start, len(chunk.activity))
                if last - first >= min(_MIN_SEEN_FRAMES, (stretch.end - stretch.start) / 2):
                    mean = chunk.activity[first:last].mean(0)
                    if mean.sum() > _MIN_ACTIVITY:
                        chunk.seen.append((number, mean / mean.sum()))

    def _link(self, chunk: _Chunk) -> None:
        """Note what a chunk says of all it saw; no more stretches will be found in it."""
        for i, (number, mean) in enumerate(chunk.seen):
            for other, mean_of_other in chunk.seen[i + 1 :]:
                total, n = self._links.get((number, other), (0.0, 0))
                self._links[number, other] = (total + float(mean @ mean_of_other), n + 1)
            for overlap, pair in chunk.overlaps:
                before = overlap.likeness.get(number, 0.0)
                overlap.likeness[number] = before + float(pair @ mean)

    def _overlap(self, is_overlap: NDArray[np.bool_]) -> None:
        """Note where two speak, in the chunks that saw it, too."""
        for start, end in runs(is_overlap):
            overlap = Overlap(start + self._first, end + self._first)
            self.overlaps.append(overlap)
            for chunk in self._chunks:
                first = max(overlap.start - chunk.start, 0)
                pair = chunk.pair[first : max(overlap.end - chunk.start, 0)].sum(0)
                chunk.overlaps.append((overlap, pair))


def changes(activity: F32) -> F32:
    """How much the voice changes at each frame of ``(n_frames, 3)`` activities, 0 to 1: the largest
    difference of a voice's means before and after, as far as both sides are speech."""
    n, side = len(activity), SIDE_FRAMES
    sums = np.concatenate([np.zeros((1, activity.shape[1])), activity.cumsum(0)])
    at = np.arange(side, n - side)
    before = (sums[at] - sums[at - side]) / side
    after = (sums[at + side] - sums[at]) / side
    found = np.zeros(n, np.float32)
    spoken = np.minimum(before.max(1, initial=0.0), after.max(1, initial=0.0))
    found[at] = np.abs(after - before).max(1, initial=0.0) * np.minimum(1.0, spoken)
    return found


def cut(
    speech: NDArray[np.bool_], change: NDArray[np.float64], is_last: bool
) -> tuple[list[tuple[int, int]], int]:
    """Where stretches start and end, and before which frame there is nothing more to say.

    Unless ``is_last``, what touches the end of the frames may go on and is left for later. Speech
    of less than `SIDE_FRAMES` between two pauses is a click, and nobody's.
    """
    spans: list[tuple[int, int]] = []
    done = len(speech) if is_last else max(0, len(speech) - 2 * SIDE_FRAMES)
    for start, end in runs(speech):
        goes_on = not is_last and end > len(speech) - 2 * SIDE_FRAMES
        known = end - 2 * SIDE_FRAMES if goes_on else end
        parts = [start, *_cuts(change, start, end, known)]
        spans += [pair for a, b in pairwise(parts) for pair in _even(a, b)]
        last = parts[-1]
        if not goes_on:
            spans += _even(last, end) if end - start >= SIDE_FRAMES else []
            continue
        while known - last >= 2 * LONGEST_FRAMES:
            spans.append((last, last + LONGEST_FRAMES))
            last += LONGEST_FRAMES
        done = last
    return spans, done


def _cuts(change: NDArray[np.float64], start: int, end: int, known: int) -> list[int]:
    """Frames at which the voice changes within speech: the strongest of its surroundings."""
    found: list[int] = []
    for at in range(start + SIDE_FRAMES, min(end - SIDE_FRAMES, known)):
        around = change[max(start, at - SIDE_FRAMES) : at + SIDE_FRAMES + 1]
        is_apart = at - (found[-1] if found else start) >= SIDE_FRAMES
        if change[at] >= CHANGE and change[at] == around.max() and is_apart:
            found.append(at)
    return found


def _even(start: int, end: int) -> list[tuple[int, int]]:
    """A stretch in parts of at most 3 s; from 6 s on, 3 s are taken off its start first."""
    spans = []
    while end - start >= 2 * LONGEST_FRAMES:
        spans.append((start, start + LONGEST_FRAMES))
        start += LONGEST_FRAMES
    n = -(-(end - start) // LONGEST_FRAMES)
    edges = np.linspace(start, end, n + 1).round().astype(int).tolist()
    return [*spans, *pairwise(edges)]

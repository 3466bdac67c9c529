"""The audio of a stream that is being read: where it begins, and what was committed of it.

Knows nothing about samples, turns or engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from auricle.live.effects import LiveWord
from auricle.live.options import LiveOptions

MAX_CONTEXT_CHARS = 400

PAUSE_S = 0.2
"""What is more than the end of a word."""

OVERLAP_S = 1.0
"""What is kept of audio in which nobody seems to speak."""


@dataclass(slots=True)
class ReadingWindow:
    """Begins at ``start_s``, and reaches over the ends of turns: words are understood better with
    those before, whoever decided that a turn was over."""

    start_s: float = 0.0
    words: list[LiveWord] = field(default_factory=list)
    """Those committed in it: what is read of it must begin with them."""
    context: str = ""
    """The text committed before it."""
    said_s: float = 0.0
    """Where the last word ends that was committed, in it or before."""

    def add(self, committed: Sequence[LiveWord]) -> None:
        """Keep words that were committed behind those in it."""
        self.words += committed
        self.said_s = committed[-1].end_s if committed else self.said_s

    def speak(self, start_s: float, options: LiveOptions) -> None:
        """Somebody begins to speak. What was said shortly before remains."""
        last_s = self.words[-1].end_s if self.words else 0.0
        if not self.words or start_s - last_s > options.carried_gap_s:
            self.move_to(max(start_s - options.lead_s, last_s))

    def trim(
        self,
        edge_s: float,
        following: Sequence[LiveWord],
        options: LiveOptions,
        *,
        is_crowded: bool = False,
    ) -> None:
        """Begin later if the window has become long: between two words, never within one. One that
        has reached the limit begins later in any case."""
        before_s = self.start_s
        above_s = options.crowded_trim_above_s if is_crowded else options.trim_above_s
        if edge_s - before_s > above_s and self.words:
            place_s = _widest_gap(self.words, following[:1], options)
            self.move_to(before_s if place_s is None else place_s)
        if edge_s >= before_s + options.longest_s and self.start_s == before_s:
            self.move_to(edge_s - OVERLAP_S)

    def begin_anew(self, start_s: float) -> None:
        """Begin at ``start_s``, and with no word: those before led the model astray."""
        self.move_to(start_s)
        self.context += "".join(word.text for word in self.words)
        self.words.clear()

    def move_to(self, start_s: float) -> None:
        """Begin at ``start_s`` unless the window begins later; the words before become context."""
        self.start_s = max(self.start_s, start_s)
        n = sum(word.start_s < self.start_s for word in self.words)
        text = "".join(word.text for word in self.words[:n])
        self.context = (self.context + text)[-MAX_CONTEXT_CHARS:]
        del self.words[:n]


def _widest_gap(
    words: Sequence[LiveWord], following: Sequence[LiveWord], options: LiveOptions
) -> float | None:
    """A place in the widest gap around any of the ``words`` of the last ``keep_s``. Near their end
    only if that is a pause: with little to go on from, a model that begins to hear in the middle of
    speech leaves out the first word."""
    end_s = words[-1].end_s
    near = [
        (a.end_s, b.start_s)
        for a, b in pairwise([*words, *following])
        if b.start_s >= end_s - options.keep_s
    ]
    gaps = [
        (stop_s - start_s, start_s, stop_s)
        for start_s, stop_s in near
        if stop_s - start_s >= PAUSE_S or stop_s <= end_s - options.keep_least_s
    ]
    if not gaps:
        return None
    _, start_s, stop_s = max(gaps, key=lambda gap: gap[0])
    return min(stop_s, max((start_s + stop_s) / 2, stop_s - OVERLAP_S))  # words may overlap

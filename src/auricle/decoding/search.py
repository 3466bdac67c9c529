"""The search for one window's text: which beams go on, which end, and which is best.

Knows nothing about networks or rules: log-probabilities of what may follow come in. The search is
openai-whisper's ``BeamSearchDecoder``: candidates of all beams in falling order, until as many go
on as there are beams; those that end on the way are kept, and with ``patience`` times as many of
them the search is over. The best is the one whose tokens are the most probable on average.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from auricle.decoding.rules import IMPOSSIBLE, Candidates


class Beam(NamedTuple):
    """A text on its way."""

    ids: tuple[int, ...]
    """What was said, the prefix included."""
    total: float
    """The sum of the log-probabilities of all that was chosen."""
    logprobs: tuple[float, ...] = ()
    """Of each token chosen, and of end-of-text where it came to that."""


@dataclass(slots=True)
class Search:
    """Of one window. ``beams`` are what its rows say so far."""

    beam_size: int
    n_wanted: int
    """Ended texts with which the search is over."""
    max_tokens: int
    """Where a text is cut that does not end."""
    beams: list[Beam]
    ended: list[Beam] = field(default_factory=list)

    def advance(self, found: Candidates, end_of_text: int) -> list[int]:
        """Go on with what may follow each of the beams: for each beam from now on, the place of the
        one it came from; empty when the search is over."""
        totals = found.logprobs + np.array([beam.total for beam in self.beams])[:, None]
        kept: list[Beam] = []
        parents: list[int] = []
        for place in np.argsort(-totals, axis=None, kind="stable").tolist():
            parent, choice = divmod(place, totals.shape[1])
            if totals[parent, choice] < IMPOSSIBLE / 2 or len(kept) == self.beam_size:
                break
            token = int(found.ids[parent, choice])
            beam = self._extended(parent, token, float(found.logprobs[parent, choice]))
            if token != end_of_text:
                kept.append(beam)
                parents.append(parent)
            elif len(self.ended) < self.n_wanted:
                self.ended.append(beam._replace(ids=beam.ids[:-1]))
        return self._go_on(kept, parents)

    @property
    def best(self) -> Beam:
        """The most probable text, end-of-text not counted in its length."""
        return max(self.ended, key=lambda beam: beam.total / max(1, len(beam.ids)))

    def _extended(self, parent: int, token: int, logprob: float) -> Beam:
        ids, total, logprobs = self.beams[parent]
        return Beam((*ids, token), total + logprob, (*logprobs, logprob))

    def _go_on(self, kept: list[Beam], parents: list[int]) -> list[int]:
        is_cut = not kept or len(kept[0].ids) >= self.max_tokens
        if is_cut:
            self.ended += kept[: max(0, self.beam_size - len(self.ended))]
        if is_cut or len(self.ended) >= self.n_wanted:
            self.beams = []
            return []
        while len(kept) < self.beam_size:  # every window has equally many rows
            kept.append(kept[-1]._replace(total=float(IMPOSSIBLE)))
            parents.append(parents[-1])
        self.beams = kept
        return parents

"""The search for one window's text: which beams go on, which end, and which is best.

Knows nothing about networks or rules: log-probabilities of what may follow come in. The search is
openai-whisper's ``BeamSearchDecoder``: candidates of all beams in falling order, until as many go
on as there are beams; those that end on the way are kept, and with ``patience`` times as many of
them the search is over. The best is the one whose tokens are the most probable on average.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from auricle.decoding.repeats import first_end, is_repeating
from auricle.decoding.rules import IMPOSSIBLE, Candidates

CLEARLY_WORSE = 0.5
"""How far an ended text's mean log-probability lies below that of the best beam when it no longer
counts in what is decided."""


LOOK_EVERY = 8
"""Tokens after which loops are looked for: it takes as long as a hundredth of a step."""


class Beam(NamedTuple):
    """A text on its way."""

    ids: tuple[int, ...]
    """What was said, the prefix included."""
    total: float
    """The sum of the log-probabilities of all that was chosen."""
    logprobs: tuple[float, ...] = ()
    """Of each token chosen, and of end-of-text where it came to that."""
    bonus: float = 0.0
    """What its tokens are worth beside their probability."""

    @property
    def rank(self) -> float:
        """What it is compared by: worth of a token, end-of-text not counted in the length."""
        return (self.total + self.bonus) / max(1, len(self.ids))

    @property
    def mean(self) -> float:
        """Log-probability of a token, end-of-text not counted in the length."""
        return self.total / max(1, len(self.ids))

    @property
    def mean_to_end(self) -> float:
        """The same, end-of-text counted, once the text has ended."""
        return self.total / (len(self.ids) + 1)

    @property
    def bonus_to_end(self) -> float:
        """What a token is worth beside that, end-of-text counted."""
        return self.bonus / (len(self.ids) + 1)

    def until(self, n: int) -> Beam:
        """Its first ``n`` tokens."""
        chosen = self.logprobs[: max(0, n - len(self.ids) + len(self.logprobs))]
        return Beam(self.ids[:n], sum(chosen), chosen)


@dataclass(slots=True)
class Search:
    """Of one window. ``beams`` are what its rows say so far."""

    beam_size: int
    n_wanted: int
    """Ended texts with which the search is over."""
    max_tokens: int
    """Where a text is cut that does not end."""
    beams: list[Beam]
    first_timestamp: int
    """Tokens before it are text."""
    ended: list[Beam] = field(default_factory=list)
    decided: tuple[int, ...] = ()
    """Tokens of text that what is found begins with; more only when `decide` is called."""
    stops_on_loops: bool = False
    """Whether the search is over when all beams say the same thing over and over."""
    trims_loops: bool = False
    """See `decoding.job.Options`."""
    n_given: int = field(init=False)
    """Tokens that every text begins with."""

    def __post_init__(self) -> None:
        self.n_given = len(self.beams[0].ids)

    def advance(self, found: Candidates, end_of_text: int) -> list[int]:
        """Go on with what may follow each of the beams: for each beam from now on, the place of the
        one it came from; empty when the search is over."""
        bonuses = np.zeros_like(found.logprobs) if found.bonuses is None else found.bonuses
        before = np.array([beam.total + beam.bonus for beam in self.beams])[:, None]
        totals = found.logprobs + bonuses + before
        kept: list[Beam] = []
        parents: list[int] = []
        for place in np.argsort(-totals, axis=None, kind="stable").tolist():
            parent, choice = divmod(place, totals.shape[1])
            if totals[parent, choice] < IMPOSSIBLE / 2 or len(kept) == self.beam_size:
                break
            token = int(found.ids[parent, choice])
            logprob, bonus = found.logprobs[parent, choice], bonuses[parent, choice]
            beam = self._extended(parent, token, float(logprob), float(bonus))
            if token != end_of_text:
                kept.append(beam)
                parents.append(parent)
            elif len(self.ended) < self.n_wanted:
                self.ended.append(beam._replace(ids=beam.ids[:-1]))
        return self._go_on(kept, parents)

    def decide(self) -> Beam | None:
        """Decide on the text that all beams agree in, and ended ones that may yet be the best: as
        the best beam has it, with its timestamps. None if that is no more than before."""
        best = max(self.beams, key=lambda beam: beam.rank)
        least = best.rank - CLEARLY_WORSE
        least_mean = best.mean - CLEARLY_WORSE  # what a term is worth may be taken back yet
        rivals = [
            beam
            for beam in self.ended
            if (beam.rank >= least or beam.mean >= least_mean) and self._is_decided(beam)
        ]
        texts = [self._text(beam) for beam in (best, *self.beams, *rivals)]
        n = _n_shared(texts, len(self.decided))
        if n == len(self.decided):
            return None
        self.decided = texts[0][:n]
        places = [place for place, token in enumerate(best.ids) if token < self.first_timestamp]
        return best.until(places[n - 1] + 1)

    def best(self, n: int = 1) -> list[Beam]:
        """The most probable texts of those that begin with what was decided, the best first; at
        most ``n``, and always one."""
        found = sorted(filter(self._is_decided, self.ended), key=lambda beam: -beam.rank)
        return found[:1] + [beam for beam in found[1:n] if beam.total > IMPOSSIBLE / 2]

    def logprobs(self, beam: Beam) -> tuple[float, ...]:
        """Of each of its tokens; of what was given 0."""
        return (0.0,) * self.n_given + beam.logprobs[: len(beam.ids) - self.n_given]

    def is_loop(self, beam: Beam) -> bool:
        """Whether it was cut where it said the same thing over and over."""
        return self.stops_on_loops and is_repeating(self._text(beam))

    def _is_decided(self, beam: Beam) -> bool:
        return not self.decided or self._text(beam)[: len(self.decided)] == self.decided

    def _is_in_vain(self, beams: Sequence[Beam]) -> bool:
        """What the beams have in common says the same thing over and over."""
        if not self.stops_on_loops or len(beams[0].ids) % LOOK_EVERY:
            return False
        texts = [self._text(beam) for beam in beams]
        return is_repeating(texts[0][: _n_shared(texts, 0)])

    def _text(self, beam: Beam) -> tuple[int, ...]:
        return tuple(token for token in beam.ids if token < self.first_timestamp)

    def _extended(self, parent: int, token: int, logprob: float, bonus: float) -> Beam:
        ids, total, logprobs, before = self.beams[parent]
        return Beam((*ids, token), total + logprob, (*logprobs, logprob), before + bonus)

    def _go_on(self, kept: list[Beam], parents: list[int]) -> list[int]:
        if self.trims_loops and kept and (n := first_end(kept[0].ids)) is not None:
            once = kept[0].until(max(n, self.n_given))
            self.ended.append(once._replace(logprobs=(*once.logprobs, 0.0)))  # as if it had ended
            self.beams = []
            return []
        must_end = not kept or len(kept[0].ids) >= self.max_tokens or self._is_in_vain(kept)
        if must_end:
            room = self.beam_size - sum(map(self._is_decided, self.ended))
            self.ended += kept[: max(0, room)]
        if must_end or len(self.ended) >= self.n_wanted:
            self.beams = []
            return []
        while len(kept) < self.beam_size:  # every window has equally many rows
            kept.append(kept[-1]._replace(total=float(IMPOSSIBLE)))
            parents.append(parents[-1])
        self.beams = kept
        return parents


def _n_shared(texts: Iterable[tuple[int, ...]], n: int) -> int:
    """How many tokens all texts have in common, given that the first ``n`` are."""
    for tokens in zip(*(text[n:] for text in texts), strict=False):
        if len(set(tokens)) > 1:
            break
        n += 1
    return n

"""Expected terms, made more probable while a text is searched for.

Knows nothing about words or vocabularies: sequences of tokens in, what each next token is worth
out. This is shallow fusion with a prefix tree: each token that begins or goes on with a term adds
to the rank of a beam, and what an unfinished term had added is taken away when it is left. The
states of the tree are those of Aho and Corasick (1975), so a term is found that begins in another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from auricle.decoding import rules
from auricle.decoding.network import Floats, Ids, StepOutput
from auricle.decoding.rules import IMPOSSIBLE, Candidates, SpecialTokens
from auricle.whisper.keywords import ExpectedTokens

KEPT_TREES = 32
"""Of the latest requests: building one with a hundred terms takes as long as a step of decoding."""


class Moves(NamedTuple):
    """What each next token is worth."""

    ids: Ids
    """``(n,)``: those that begin a term or go on with one."""
    bonuses: Floats
    """``(n,)``: of these."""
    otherwise: float
    """Of all others: what is taken away again."""


@dataclass(slots=True)
class _State:
    """Some last tokens of a text, with which a term begins."""

    ids: tuple[int, ...] = ()
    term: tuple[int, ...] = ()
    """The same, if it is a whole term."""
    total: float = 0.0
    """What these tokens are worth while they may become a term: the one they are worth most for."""
    banked: float = 0.0
    """What of that stays, whatever follows: the terms that end in them."""
    next: dict[int, int] = field(default_factory=dict)
    shorter: int = 0
    """The state of the longest of their ends with which a term begins, too."""
    moves: Moves | None = None
    """Once they were asked for."""


class KeywordTree:
    """The terms of one request. Any number of threads may ask it."""

    def __init__(self, terms: Sequence[ExpectedTokens]) -> None:
        self._states = [_State()]
        self._longest = max(len(term.ids) for term in terms)
        for term in terms:
            self._add(term)
        self._link()

    def moves(self, text: Sequence[int]) -> Moves:
        """What may follow a text. To go on saying again what was just said is worth nothing: else
        it would be worth something every time, and a loop most of all."""
        state = self._state(text)
        begun = len(state.ids)
        said = self._state(text[:-begun]).term if begun else ()
        if begun and state.ids == said[:begun]:
            return self._moves(state, said)
        if state.moves is None:
            state.moves = self._moves(state)
        return state.moves

    def _state(self, text: Sequence[int]) -> _State:
        place = 0
        for token in text[-self._longest :]:
            place = self._after(place, token)
        return self._states[place]

    def _add(self, term: ExpectedTokens) -> None:
        state = self._states[0]
        for n, token in enumerate(term.ids, start=1):
            worth = n * term.boost
            if token not in state.next:
                self._states.append(_State((*state.ids, token), total=worth))
                state.next[token] = len(self._states) - 1
            state = self._states[state.next[token]]
            state.total = max(state.total, worth)
        state.term, state.banked = state.ids, len(term.ids) * term.boost

    def _link(self) -> None:
        """Find each state's ``shorter`` one, the short ones first."""
        waiting = deque(self._states[0].next.values())
        while waiting:
            place = waiting.popleft()
            state = self._states[place]
            for token, following in state.next.items():
                child = self._states[following]
                child.shorter = self._after(state.shorter, token)
                shorter = self._states[child.shorter]
                if not child.term:
                    child.banked = max(state.banked, shorter.banked, key=abs)
                waiting.append(following)

    def _after(self, place: int, token: int) -> int:
        while token not in (following := self._states[place].next):
            if place == 0:
                return 0
            place = self._states[place].shorter
        return following[token]

    def _moves(self, state: _State, again: tuple[int, ...] = ()) -> Moves:
        """``again``: the term that it begins to say again, which is worth nothing so far."""
        total, pending = (0.0, 0.0) if again else (state.total, state.total - state.banked)
        worth: dict[int, float] = {}
        for token, place in state.next.items():
            child = self._states[place]
            is_again = bool(again) and child.ids == again[: len(child.ids)]
            worth[token] = 0.0 if is_again else child.total - total
        at = state
        while at is not self._states[0]:
            at = self._states[at.shorter]
            for token, place in at.next.items():
                child = self._states[place]
                new = child.total if again else child.total - self._twice(state, at)
                if child.ids in (state.term, state.term[:1]):
                    new = 0.0
                worth.setdefault(token, new - pending)
        ids = np.fromiter(worth.keys(), np.int64, len(worth))
        return Moves(ids, np.fromiter(worth.values(), np.float32, len(worth)), -pending)

    def _twice(self, state: _State, shorter: _State) -> float:
        """What stays of a state, although it is part of what a shorter one is worth."""
        before = self._states[0]
        for token in state.ids[: len(state.ids) - len(shorter.ids)]:
            before = self._states[before.next[token]]
        return min(state.banked - before.banked, shorter.total, key=abs)


@lru_cache(KEPT_TREES)
def tree_of(terms: tuple[ExpectedTokens, ...]) -> KeywordTree:
    """The tree of a request's terms, of which there is at least one."""
    return KeywordTree(terms)


def candidates(
    answers: StepOutput,
    allowed: rules.Allowed,
    n: int,
    tokens: SpecialTokens,
    moves: Sequence[Moves | None],
) -> Candidates:
    """As `rules.candidates`, where each row's next tokens are worth more or less; None: as usual.
    Log-probabilities stay what they are.

    Raises:
        NetworkFailed: as `rules.candidates` does.
    """
    n_known = answers.top_values.shape[-1]  # more than n, as some are there twice
    usual = rules.pool(answers, allowed, n_known, tokens)
    shape = (len(moves), n)
    values, ids = np.full(shape, IMPOSSIBLE), np.zeros(shape, np.int64)
    bonuses, usual_bonuses = np.zeros(shape, np.float32), np.zeros_like(usual.values)
    for row, move in enumerate(moves):
        if move is None:
            continue
        usual_bonuses[row] = move.otherwise
        if not usual.text[row]:
            continue
        logits = answers.text[row, -1, move.ids]
        best = np.argsort(-(logits + move.bonuses), kind="stable")[:n]
        k = len(best)
        values[row, :k], ids[row, :k] = logits[best], move.ids[best]
        bonuses[row, :k] = move.bonuses[best]
        usual.values[row, np.isin(usual.ids[row], move.ids)] = IMPOSSIBLE  # they are there twice
    everything = rules.Pool(
        np.concatenate([usual.values, values], axis=1),
        np.concatenate([usual.ids, ids], axis=1),
        usual.total,
        usual.text,
    )
    return rules.best_of(everything, n, np.concatenate([usual_bonuses, bonuses], axis=1))

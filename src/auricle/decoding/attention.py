"""What texts attended to while they were searched, kept to place their words by.

Knows nothing about audio, words or how a network computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.decoding.network import Floats, Network, Step, StepOutput

Said = tuple[int, ...]


class _First(NamedTuple):
    """Tokens that a window was fed at once, and their attention ``(n_heads, S, n_states)``."""

    ids: Said
    attention: Floats


class Attentive:
    """A `Network` that keeps what another one attends to, of some windows. ``n_states`` is how many
    states of each of them count."""

    def __init__(self, network: Network, n_states: Mapping[int, int]) -> None:
        self._network = network
        self._n_states = n_states
        self._windows: list[int] = []
        self._firsts: dict[int, _First] = {}
        self._rows: list[Said] = []
        """What each row was fed after that."""
        self._later: dict[tuple[int, Said], NDArray[np.float16]] = {}
        """Attention of the last token, ``(n_heads, n_states)``, by window and all fed until it."""

    def begin(self, windows: Sequence[int]) -> None:
        self._windows, self._rows = list(windows), []
        self._firsts, self._later = {}, {}
        self._network.begin(windows)

    def keep(self, places: Sequence[int]) -> None:
        self._windows = [self._windows[place] for place in places]
        self._network.keep(places)

    def step(self, step: Step) -> StepOutput:
        answers = self._network.step(step)
        if answers.attention is not None and self._n_states:
            self._note(step, answers.attention)
        return answers

    def _note(self, step: Step, attention: Floats) -> None:
        """Keep it, as the next step writes over it."""
        is_first = not self._rows
        before = self._rows or [()] * len(step.ids)
        n_each = len(step.ids) // len(self._windows)
        n_new = step.ids.shape[1]
        self._rows = []
        for row, (ids, parent) in enumerate(zip(step.ids.tolist(), step.parents, strict=True)):
            said = () if is_first else (*before[parent], *ids)
            self._rows.append(said)
            place, beam = divmod(row, n_each)
            window = self._windows[place]
            if window not in self._n_states:
                continue
            tokens = slice(beam * n_new, (beam + 1) * n_new)
            seen = attention[:, place, tokens, : self._n_states[window]]
            if is_first:
                self._firsts[window] = _First(tuple(ids), seen.copy())
            else:
                self._later[window, said] = seen[:, 0].astype(np.float16)  # of every beam

    def of(self, window: int, ids: Said) -> Floats | None:
        """The attention of each of the ``ids``, ``(n_heads, n, n_states)``, if the window was fed
        all of them: at once, as far as what it was fed then is right, and one by one."""
        first = self._firsts.get(window)
        if first is None:
            return None
        right = takewhile(lambda pair: pair[0] == pair[1], zip(first.ids, ids, strict=False))
        n_first = sum(1 for _ in right)
        rest = ids[n_first:]
        later = [self._later.get((window, rest[: i + 1])) for i in range(len(rest))]
        found = [each[:, None] for each in later if each is not None]
        if len(found) < len(later):
            return None
        return np.concatenate([first.attention[:, :n_first], *found], axis=1)

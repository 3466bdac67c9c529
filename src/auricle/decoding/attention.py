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

TokenIds = tuple[int, ...]


class _FirstStep(NamedTuple):
    """Tokens that a window was fed at once, and their attention ``(n_heads, S, n_states)``."""

    ids: TokenIds
    attention: Floats


class AttentionRecorder:
    """A `Network` that keeps what another one attends to, of some windows. ``n_states`` is how many
    states of each of them count."""

    def __init__(self, network: Network, n_states: Mapping[int, int]) -> None:
        self._network = network
        self._n_states = n_states
        self._windows: list[int] = []
        self._first_steps: dict[int, _FirstStep] = {}
        self._rows: list[TokenIds] = []
        """What each row was fed after that."""
        self._later: dict[tuple[int, TokenIds], NDArray[np.uint16]] = {}
        """Attention of the last token, ``(n_heads, n_states) bfloat16``, by window and all fed
        until it."""

    def begin(self, windows: Sequence[int]) -> None:
        self._windows, self._rows = list(windows), []
        self._first_steps, self._later = {}, {}
        self._network.begin(windows)

    def keep(self, places: Sequence[int]) -> None:
        self._windows = [self._windows[place] for place in places]
        self._network.keep(places)

    def step(self, step: Step) -> StepOutput:
        answers = self._network.step(step)
        if answers.attention is not None and self._n_states:
            self._record(step, answers.attention)
        return answers

    def _record(self, step: Step, attention: Floats) -> None:
        """Keep it, as the next step writes over it."""
        is_first = not self._rows
        before = self._rows or [()] * len(step.ids)
        n_each = len(step.ids) // len(self._windows)
        n_new = step.ids.shape[1]
        self._rows = []
        for row, (ids, parent) in enumerate(zip(step.ids.tolist(), step.parents, strict=True)):
            fed = () if is_first else (*before[parent], *ids)
            self._rows.append(fed)
            place, beam = divmod(row, n_each)
            window = self._windows[place]
            if window not in self._n_states:
                continue
            tokens = slice(beam * n_new, (beam + 1) * n_new)
            seen = attention[:, place, tokens, : self._n_states[window]]
            if is_first:
                self._first_steps[window] = _FirstStep(tuple(ids), seen.copy())
            else:
                self._later[window, fed] = _halved(seen[:, 0])  # of every beam

    def of(self, window: int, ids: TokenIds) -> Floats | None:
        """The attention of each of the ``ids``, ``(n_heads, n, n_states)``, if the window was fed
        all of them: at once, as far as what it was fed then is right, and one by one."""
        first = self._first_steps.get(window)
        if first is None:
            return None
        right = takewhile(lambda pair: pair[0] == pair[1], zip(first.ids, ids, strict=False))
        n_first = sum(1 for _ in right)
        rest = ids[n_first:]
        later = [self._later.get((window, rest[: i + 1])) for i in range(len(rest))]
        found = [_restored(each)[:, None] for each in later if each is not None]
        if len(found) < len(later):
            return None
        return np.concatenate([first.attention[:, :n_first], *found], axis=1)


def _halved(values: Floats) -> NDArray[np.uint16]:
    """As bfloat16, which numpy lacks, in half the memory: the upper bits of each number. Most are
    so small that float16 would have few digits for them, and take fifty times as long."""
    return (np.ascontiguousarray(values).view(np.uint32) >> 16).astype(np.uint16)


def _restored(values: NDArray[np.uint16]) -> Floats:
    return (values.astype(np.uint32) << 16).view(np.float32)

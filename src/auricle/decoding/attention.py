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


class _Fed(NamedTuple):
    """What a window was fed behind its first tokens, in one of its rows. Those that no row goes on
    from and no text ends with are forgotten with the last that refers to them: of five beams, four
    fifths."""

    window: int
    ids: TokenIds
    attention: NDArray[np.uint16] | None = None
    """Of the last token, ``(n_heads, n_states) bfloat16``; None where it is not kept."""
    before: _Fed | None = None
    """All but the last."""


class AttentionRecorder:
    """A `Network` that keeps what another one attends to, of some windows. ``n_states`` is how many
    states of each of them count; tokens from ``end_of_text`` on are no text."""

    def __init__(self, network: Network, n_states: Mapping[int, int], end_of_text: int) -> None:
        self._network = network
        self._n_states = n_states
        self._end_of_text = end_of_text
        self._windows: list[int] = []
        self._first_steps: dict[int, _FirstStep] = {}
        self._rows: list[_Fed] = []
        self._ended: list[_Fed] = []
        """Behind which a text may have ended."""

    def begin(self, windows: Sequence[int]) -> None:
        self._windows = list(windows)
        self._first_steps, self._rows, self._ended = {}, [], []
        self._network.begin(windows)

    def keep(self, places: Sequence[int]) -> None:
        self._windows = [self._windows[place] for place in places]
        self._network.keep(places)

    def step(self, step: Step) -> StepOutput:
        answers = self._network.step(step)
        if answers.attention is not None and self._n_states:
            if self._rows:
                self._record(step, answers, answers.attention)
            else:
                self._begun(step, answers.attention)
        return answers

    def _begun(self, step: Step, attention: Floats) -> None:
        """Keep it, as the next step writes over it."""
        self._rows = [_Fed(window, ()) for window in self._windows]
        for place, (window, ids) in enumerate(zip(self._windows, step.ids.tolist(), strict=True)):
            if (n_states := self._n_states.get(window)) is not None:
                seen = attention[:, place, :, :n_states].copy()
                self._first_steps[window] = _FirstStep(tuple(ids), seen)

    def _record(self, step: Step, answers: StepOutput, attention: Floats) -> None:
        rows = [self._rows[parent] for parent in step.parents]
        n_each = len(rows) // len(self._windows)
        # a search ends with a row only if that is among what is likeliest behind it
        may_end = (answers.rest[:, -1, 0] >= answers.top_values[:, -1, -1]).tolist()
        self._rows = []
        for row, (before, ids) in enumerate(zip(rows, step.ids.tolist(), strict=True)):
            seen = None
            if (n_states := self._n_states.get(before.window)) is not None:
                place, beam = divmod(row, n_each)
                seen = _halved(attention[:, place, beam, :n_states])
            fed = _Fed(before.window, (*before.ids, *ids), seen, before)
            self._rows.append(fed)
            if may_end[row] or ids[-1] >= self._end_of_text:
                self._ended.append(fed)

    def of(self, window: int, ids: TokenIds) -> Floats | None:
        """The attention of each of the ``ids``, ``(n_heads, n, n_states)``, if the window was fed
        all of them, at once, as far as what it was fed then is right, and one by one, and they are
        a row that goes on or a text that ended, or begin one."""
        first = self._first_steps.get(window)
        if first is None:
            return None
        right = takewhile(lambda pair: pair[0] == pair[1], zip(first.ids, ids, strict=False))
        n_first = sum(1 for _ in right)
        rest = ids[n_first:]
        known = (each for each in (*self._rows, *self._ended) if each.window == window)
        fed = next((each for each in known if each.ids[: len(rest)] == rest), None)
        if fed is None:
            return None
        found: list[Floats] = []
        while fed.before is not None and fed.attention is not None:
            if len(fed.ids) <= len(rest):
                found.append(_restored(fed.attention)[:, None])
            fed = fed.before
        return np.concatenate([first.attention[:, :n_first], *reversed(found)], axis=1)


def _halved(values: Floats) -> NDArray[np.uint16]:
    """As bfloat16, which numpy lacks, in half the memory: the upper bits of each number. Most are
    so small that float16 would have few digits for them, and take fifty times as long."""
    return (np.ascontiguousarray(values).view(np.uint32) >> 16).astype(np.uint16)


def _restored(values: NDArray[np.uint16]) -> Floats:
    return (values.astype(np.uint32) << 16).view(np.float32)

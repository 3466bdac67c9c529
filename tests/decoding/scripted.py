"""A network that is a table: what may follow depends on the window and the text alone.

Knows nothing about search.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auricle.decoding.job import Vocabulary
from auricle.decoding.network import Step, StepOutput
from auricle.decoding.rules import SpecialTokens

N_TEXT = 20
"""Tokens of text; behind them end-of-text, start, no-speech, no-timestamps, and timestamps."""

END, START, NO_SPEECH, NO_TIMESTAMPS = 20, 21, 22, 23
FIRST = 24
N_TOKENS = FIRST + 1501

SPECIAL = SpecialTokens(END, FIRST, NO_TIMESTAMPS)
VOCABULARY = Vocabulary(SPECIAL, START, NO_SPEECH)


class ScriptedNetwork:
    """Random logits drawn from the window and all of a row's tokens, so that equal texts have equal
    logits whatever stands beside them. ``scripts`` change some: (window, text behind the prompt)
    to logits by token. Keeps the texts of its rows as a real one keeps keys and values."""

    def __init__(self, scripts=None, ends_after=12, breaks_at=None):
        self.scripts = scripts or {}
        self.ends_after = ends_after
        self.breaks_at = breaks_at
        self.n_steps = 0
        self.batches: list[int] = []
        """Windows in each step."""
        self._windows: list[int] = []
        self._rows: list[tuple[int, ...]] = []

    def begin(self, windows: Sequence[int]) -> None:
        self._windows, self._rows = list(windows), []

    def keep(self, places: Sequence[int]) -> None:
        self._windows = [self._windows[place] for place in places]

    def step(self, step: Step) -> StepOutput:
        before = [self._rows[parent] if self._rows else () for parent in step.parents]
        assert {len(row) for row in before} == {step.n_before}
        self._rows = [(*row, *ids.tolist()) for row, ids in zip(before, step.ids, strict=True)]
        gaps = [(0, 0)] * len(before) if step.gaps is None else step.gaps.tolist()
        self.n_steps += 1
        self.batches.append(len(self._windows))
        n_each = len(self._rows) // len(self._windows)
        logits = np.array(
            [
                [
                    self._logits(
                        self._windows[n // n_each],
                        (*row[:first], *row[until : step.n_before + place + 1]),
                    )
                    for place in at
                ]
                for n, (row, (first, until), at) in enumerate(
                    zip(self._rows, gaps, step.at.tolist(), strict=True)
                )
            ]
        )
        text = logits[:, :, :N_TEXT] + step.suppress
        order = np.argsort(-text, axis=2)[:, :, :11]
        log_sum = np.log(np.exp(text.astype(np.float64)).sum(axis=2)).astype(np.float32)
        if self.n_steps == self.breaks_at:
            log_sum[0] = np.nan
        values = np.take_along_axis(text, order, 2)
        return StepOutput(text, logits[:, :, N_TEXT:], values, order, log_sum, None)

    def _logits(self, window: int, row: tuple[int, ...]) -> np.ndarray:
        said = row[row.index(START) + 1 :] if START in row else row
        rng = np.random.default_rng((window, *row))
        logits = rng.normal(0, 2, N_TOKENS).astype(np.float32)
        logits[FIRST:] -= 6
        if len(said) >= self.ends_after:
            logits[END] += 8
        for token, value in self.scripts.get((window, said), {}).items():
            logits[token] = value
        return logits

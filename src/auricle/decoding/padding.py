"""Prompts of several rows, fed in one step although some are longer than others.

Knows nothing about networks or search. Shorter rows are padded behind what they have, and forget
that again before they go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from auricle.decoding.job import Row, Vocabulary
from auricle.decoding.network import Ids

SUM_LANES = 16
"""Attention sums over tokens in so many lanes, each in order. Padding by a multiple of it leaves
every token in its lane, and padded tokens add nothing: so a row has the same text, to the last bit,
alone and beside longer ones."""

MIN_FED_TOKENS = 2
"""Tokens of a step, at least: one token takes another path through the kernel than several, and so
does the last of 33."""

MAX_PADDING = 128
"""Tokens of padding for the sake of one more row: they take as long as a dozen steps of
a row by itself, and no text has fewer."""


class PaddedPrompts(NamedTuple):
    """Of R rows, S tokens each."""

    ids: Ids
    """``(R, S)``."""
    at: Ids
    """``(R, P)``: where the transcript starts, then the last given token and those of the draft;
    where a draft is shorter than others its last token again."""


def n_given(row: Row) -> int:
    """How many tokens it has for certain."""
    return len(row.prompt) + len(row.prefix)


def groups(rows: Sequence[Row], vocabulary: Vocabulary) -> Iterator[list[Row]]:
    """The rows that begin together, the shortest first: not beside much longer ones, nor where the
    transcript starts at another distance from the text, which would have to be filled up always."""

    def shape(row: Row) -> tuple[int, int]:
        return _n_start(row, vocabulary), n_given(row) + len(row.draft)

    group: list[Row] = []
    for row in sorted(rows, key=shape):
        if group and _costs_more(row, group, vocabulary):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def together(rows: Sequence[Row], vocabulary: Vocabulary) -> PaddedPrompts:
    """All that these rows begin with."""
    n_start = _n_start(rows[0], vocabulary)
    longest = max(n_given(row) + len(row.draft) for row in rows)
    longest = max(longest, MIN_FED_TOKENS)
    n_fed = longest + (max(n_start, MIN_FED_TOKENS) - longest) % SUM_LANES
    n_drafted = max(len(row.draft) for row in rows)
    ids = np.full((len(rows), n_fed), vocabulary.special.end_of_text, np.int64)
    at = np.zeros((len(rows), 2 + n_drafted), np.int64)
    for n, row in enumerate(rows):
        fed = (*row.prompt, *row.prefix, *row.draft)
        ids[n, : len(fed)] = fed
        at[n, 0] = row.prompt.index(vocabulary.start)
        at[n, 1:] = np.minimum(n_given(row) - 1 + np.arange(1 + n_drafted), len(fed) - 1)
    return PaddedPrompts(ids, at)


def _n_start(row: Row, vocabulary: Vocabulary) -> int:
    """From where the transcript starts to where its text begins."""
    return len(row.prompt) - row.prompt.index(vocabulary.start)


def _costs_more(row: Row, shorter: Sequence[Row], vocabulary: Vocabulary) -> bool:
    """Whether to tell the row by itself rather than together with these."""
    last = shorter[-1]
    if _n_start(row, vocabulary) != _n_start(last, vocabulary):
        return True
    n_more = n_given(row) + len(row.draft) - n_given(last) - len(last.draft)
    return len(shorter) * n_more > MAX_PADDING

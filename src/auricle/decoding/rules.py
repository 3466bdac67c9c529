"""Whisper's rules of timestamps, and the most probable tokens that they allow.

Knows nothing about beams. The rules are those of openai-whisper's ``ApplyTimestampRules``: a
transcript begins with a timestamp, they come in pairs or before the end, never decrease, and where
timestamps together are more probable than any text, one is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.decoding.network import Floats, Ids, NetworkFailed, StepOutput
from auricle.whisper.dimensions import MAX_INITIAL_TIMESTAMP

IMPOSSIBLE = np.float32(-1e30)
"""A log-probability below which nothing is chosen."""


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Where the special tokens of a vocabulary begin."""

    end_of_text: int
    first_timestamp: int
    """All tokens from it on are timestamps."""
    no_timestamps: int = -1
    """A prompt that ends with it is followed by text alone."""


class Allowed(NamedTuple):
    """What may follow each of R rows."""

    lowest: NDArray[np.int64]
    """``(R,)``: the first timestamp allowed, counted from ``<|0.00|>``."""
    below: NDArray[np.int64]
    """``(R,)``: no timestamp from this one on; none at all where it is 0."""
    text: NDArray[np.bool_]
    end: NDArray[np.bool_]


class Candidates(NamedTuple):
    """The most probable tokens of R rows, ``(R, n)`` each, the best first."""

    logprobs: Floats
    ids: Ids
    bonuses: Floats | None = None
    """What each is worth beside its log-probability; None: nothing."""

    def of(self, rows: slice) -> Candidates:
        """Those of some rows."""
        return Candidates(
            self.logprobs[rows],
            self.ids[rows],
            None if self.bonuses is None else self.bonuses[rows],
        )


class Pool(NamedTuple):
    """Tokens among which the best of R rows are, ``(R, k)`` each."""

    values: Floats
    """Logits."""
    ids: Ids
    total: Floats
    """``(R,)``: the logarithm of the sum of the exponentials of all that may follow."""
    text: NDArray[np.bool_]
    """``(R,)``: whether text may follow."""


def allowed(
    texts: Sequence[Sequence[int]], tokens: SpecialTokens, plain: Sequence[bool] = ()
) -> Allowed:
    """What may follow these texts, each of which is all that was said so far. ``plain`` says which
    have no timestamps; none of them if it is empty."""
    found = [
        (0, 0, True, bool(ids)) if is_plain else _after(ids, tokens)
        for ids, is_plain in zip(texts, plain or [False] * len(texts), strict=True)
    ]
    lowest, below, text, end = zip(*found, strict=True)
    return Allowed(np.array(lowest), np.array(below), np.array(text), np.array(end))


def _after(ids: Sequence[int], tokens: SpecialTokens) -> tuple[int, int, bool, bool]:
    first = tokens.first_timestamp
    if not ids:
        return 0, MAX_INITIAL_TIMESTAMP + 1, False, False
    every = np.iinfo(np.int64).max
    last_is = ids[-1] >= first
    is_pair = last_is and (len(ids) < 2 or ids[-2] >= first)
    last = next((i for i in reversed(ids) if i >= first), None)
    lowest = 0 if last is None else last - first + (not last_is or is_pair)
    return lowest, 0 if is_pair else every, not last_is or is_pair, True


def candidates(answers: StepOutput, rules: Allowed, n: int, tokens: SpecialTokens) -> Candidates:
    """The ``n`` most probable tokens of each row and their log-probabilities among all that are
    allowed, from what the network says at the last of its places.

    Raises:
        NetworkFailed: it says no numbers.
    """
    return best_of(pool(answers, rules, n, tokens), n)


def pool(answers: StepOutput, rules: Allowed, n: int, tokens: SpecialTokens) -> Pool:
    """The ``n`` most probable tokens of each row, and some more. Raises what `candidates` does."""
    ruled = _ruled(answers, rules, tokens)
    text = np.where(ruled.text[:, None], answers.top_values[:, -1, :n], IMPOSSIBLE)
    n_stamps = min(n, ruled.stamps.shape[1])
    stamps = np.argpartition(ruled.stamps, -n_stamps, axis=1)[:, -n_stamps:]
    stamp_values = np.take_along_axis(ruled.stamps, stamps, 1)
    values = np.concatenate([text, ruled.end[:, None], stamp_values], axis=1)
    ends = np.full((len(text), 1), tokens.end_of_text)
    stamp_ids = stamps + tokens.first_timestamp
    ids = np.concatenate([answers.top_ids[:, -1, :n], ends, stamp_ids], axis=1)
    return Pool(values, ids, ruled.total, ruled.text)


def best_of(pool: Pool, n: int, bonuses: Floats | None = None) -> Candidates:
    """The ``n`` best of each row, by what they are worth beside their probability, if anything."""
    worth = pool.values if bonuses is None else pool.values + bonuses
    order = np.argsort(-worth, axis=1, kind="stable")[:, :n]
    logprobs = np.take_along_axis(pool.values, order, 1) - pool.total[:, None]
    ids = np.take_along_axis(pool.ids, order, 1)
    return Candidates(
        logprobs, ids, None if bonuses is None else np.take_along_axis(bonuses, order, 1)
    )


def sampled(
    answers: StepOutput,
    rules: Allowed,
    tokens: SpecialTokens,
    temperature: float,
    rngs: Sequence[np.random.Generator],
) -> Candidates:
    """One token of each row, drawn by its own generator with probabilities that ``temperature``
    flattens; its log-probability is that without.

    Raises:
        NetworkFailed: as `candidates` does.
    """
    ruled = _ruled(answers, rules, tokens)
    text = np.where(ruled.text[:, None], answers.text[:, -1], IMPOSSIBLE)
    logits = np.concatenate([text, ruled.end[:, None], ruled.stamps], axis=1)
    noise = np.stack([rng.gumbel(size=logits.shape[1]) for rng in rngs])
    drawn = np.argmax(logits / np.float32(temperature) + noise, axis=1)[:, None]
    logprobs = np.take_along_axis(logits, drawn, 1) - ruled.total[:, None]
    n_text = text.shape[1]
    ids = np.where(drawn <= n_text, drawn, drawn - n_text - 1 + tokens.first_timestamp)
    return Candidates(logprobs, ids)


class _Ruled(NamedTuple):
    """Logits after all rules."""

    text: NDArray[np.bool_]
    """``(R,)``: whether text may follow."""
    end: Floats
    """``(R,)``: of end-of-text."""
    stamps: Floats
    """``(R, n_timestamps)``."""
    total: Floats
    """``(R,)``: the logarithm of the sum of the exponentials of all that may follow."""


def _ruled(answers: StepOutput, rules: Allowed, tokens: SpecialTokens) -> _Ruled:
    rest, text_sum = answers.rest[:, -1], answers.log_sum[:, -1]
    check(rest, text_sum)
    stamps = rest[:, tokens.first_timestamp - tokens.end_of_text :]
    place = np.arange(stamps.shape[1])
    may = (place >= rules.lowest[:, None]) & (place < rules.below[:, None])
    stamps = np.where(may, stamps, IMPOSSIBLE)
    end = np.where(rules.end, rest[:, 0], IMPOSSIBLE)
    best_text = np.where(rules.text, answers.top_values[:, -1, 0], IMPOSSIBLE)
    stamp_sum = log_sum(stamps)
    must_stamp = stamp_sum > np.maximum(best_text, end)
    text = rules.text & ~must_stamp
    end = np.where(must_stamp, IMPOSSIBLE, end)
    total = np.logaddexp(np.where(text, text_sum, IMPOSSIBLE), np.logaddexp(end, stamp_sum))
    return _Ruled(text, end, stamps, total)


def check(rest: Floats, text_sum: Floats) -> None:
    """Raise `NetworkFailed` unless all logits, of which text has only the sum here, are numbers."""
    if not (np.isfinite(text_sum).all() and np.isfinite(rest).all()):
        raise NetworkFailed("the decoder's logits are not numbers")


def log_sum(values: Floats) -> Floats:
    """The logarithm of the sum of exponentials of each row, ``(R, n)`` to ``(R,)``."""
    most = values.max(axis=1, keepdims=True)
    total: Floats = most[:, 0] + np.log(np.exp(values - most).sum(axis=1))
    return total

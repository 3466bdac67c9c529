"""When words are spoken: from where attention moves on, and where the audio is silent.

Knows nothing about models, tokens or text.

A word's edges come from dynamic time warping over the decoder's cross-attention, as in
openai-whisper's ``find_alignment``: an edge is the first frame at which the path reaches the next
word's first token. Attention moves on too early, the more so the longer the words on both sides
are, and in some models late; `_corrected` makes up for that. Where inside a pause one word ends and
the next begins the path does not say, but loudness does: `_parted` puts the edges there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.types import SAMPLE_RATE, Pcm
from auricle.whisper.dimensions import SECONDS_PER_STATE

LEVEL_S = 0.01
"""What one loudness value stands for."""

EARLY = 0.1
"""Attention leaves a word early by this share of it and of the next one."""

LONGEST_S = 0.6
"""No more of a word counts for that: what is longer holds a pause."""

QUIET_DB = 30.0
"""In clean audio, frames that much quieter than the loudest are silence."""

CLEAN_DB = 36.0
"""Audio is clean when its quietest frames are that much quieter than its loudest."""

NOISE_SHARE = 0.2
"""In other audio a frame is noise up to this share of the way from the quietest to the loudest,
once averaged over `NOISE_FRAMES`."""

NOISE_FRAMES = 9

MIN_PAUSE_S = 0.12
"""Longer than the silence inside a stop consonant."""

MIN_NOISE_S = 0.3
"""The same in noise, which hides soft sounds as well."""

MAX_CLICK_S = 0.05
"""A shorter sound does not end a pause."""

REACH_S = 0.2
"""A pause that far from every edge is inside a word."""


class Span(NamedTuple):
    """A stretch of a window, in seconds from its start."""

    start_s: float
    end_s: float


def edges(path: Sequence[tuple[int, int]], firsts: Sequence[int]) -> list[float]:
    """When the path of ``(token, state)`` steps reaches each of the tokens ``firsts``."""
    reached: dict[int, int] = {}
    for token, frame in path:
        reached.setdefault(token, frame)
    return [reached[token] * SECONDS_PER_STATE for token in firsts]


def spans(
    edges_s: Sequence[float],
    levels: NDArray[np.float32],
    duration_s: float,
    late_s: float | None = None,
) -> list[Span]:
    """When each word is spoken, given the edges between them: one more than there are words.

    Spans follow each other, lie inside ``[0, duration_s]`` and are of positive length.
    """
    moved = np.asarray(edges_s, np.float64)
    if late_s is not None:
        moved = _corrected(moved, late_s)
    audible = levels[: round(duration_s / LEVEL_S)]
    words = _parted(moved, pauses(audible), len(audible) * LEVEL_S)
    return _in_order(words, duration_s)


def loudness(pcm: Pcm) -> NDArray[np.float32]:
    """Mean power in decibels of every `LEVEL_S`, ``(n,) float32``, of what can be heard: a constant
    offset cannot."""
    size = round(LEVEL_S * SAMPLE_RATE)
    centred = pcm - pcm.mean() if len(pcm) else pcm
    whole = np.pad(centred, (0, -len(pcm) % size)).reshape(-1, size)
    power = np.square(whole).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-10), np.float32)


def pauses(levels: NDArray[np.float32]) -> list[Span]:
    """Where nobody speaks, as far as loudness tells."""
    if not len(levels):
        return []
    quietest, loudest = np.percentile(levels, [5, 95])
    if quietest < loudest - CLEAN_DB:
        return _runs(levels < loudest - QUIET_DB, MIN_PAUSE_S)
    power = np.pad(10 ** (levels / 10), NOISE_FRAMES // 2, mode="edge")
    smooth = 10 * np.log10(np.convolve(power, np.full(NOISE_FRAMES, 1 / NOISE_FRAMES), "valid"))
    quietest, loudest = np.percentile(smooth, [5, 95])
    return _runs(smooth < quietest + NOISE_SHARE * (loudest - quietest), MIN_NOISE_S)


def _runs(is_quiet: NDArray[np.bool_], min_s: float) -> list[Span]:
    """The stretches that are quiet for so long, or up to either end. A click does not end one."""
    turns = np.flatnonzero(np.diff(is_quiet, prepend=False, append=False)) * LEVEL_S
    found: list[Span] = []
    for start_s, end_s in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True):
        if found and start_s - found[-1].end_s < MAX_CLICK_S:
            found[-1] = Span(found[-1].start_s, end_s)
        else:
            found.append(Span(start_s, end_s))
    end_s = len(is_quiet) * LEVEL_S
    return [
        each
        for each in found
        if each.end_s - each.start_s >= min_s or each.start_s == 0 or each.end_s == end_s
    ]


def _corrected(edges_s: NDArray[np.float64], late_s: float) -> NDArray[np.float64]:
    """The edges between words put where they are, on average, when attention is at these."""
    lengths = np.minimum(np.diff(edges_s), LONGEST_S)
    moved = edges_s.copy()
    moved[1:-1] += EARLY * (lengths[:-1] + lengths[1:]) - late_s
    return moved


def _parted(edges_s: NDArray[np.float64], silences: Sequence[Span], audible_s: float) -> list[Span]:
    """Words between edges, where each silence parts the two words around the edge nearest to it. A
    silence that would leave nothing of one of them is not theirs: somebody speaks softly there."""
    starts, ends = edges_s[:-1].copy(), edges_s[1:].copy()
    last = len(starts)
    for silence in silences:
        away = np.maximum(silence.start_s - edges_s, edges_s - silence.end_s)
        i = int(np.argmin(away))
        if silence.start_s == 0:
            i = 0
        elif silence.end_s == audible_s:
            i = last
        elif away[i] > REACH_S:
            continue
        fits_before = i == 0 or silence.start_s >= starts[i - 1] + SECONDS_PER_STATE
        fits_behind = i == last or silence.end_s <= ends[i] - SECONDS_PER_STATE
        if fits_before and fits_behind:
            ends[i - 1 : i] = silence.start_s  # slices: nothing is before the first edge
            starts[i : i + 1] = silence.end_s
    return [Span(float(start), float(end)) for start, end in zip(starts, ends, strict=True)]


def _in_order(words: Sequence[Span], duration_s: float) -> list[Span]:
    """The spans, none of them shorter than `SECONDS_PER_STATE` if there is room for that."""
    min_s = min(SECONDS_PER_STATE, duration_s / max(1, len(words)))
    placed: list[Span] = []
    free_s = 0.0
    for word in words:
        start_s = max(word.start_s, free_s)
        free_s = max(word.end_s, start_s + min_s)
        placed.append(Span(start_s, free_s))
    limit_s = duration_s
    for i in reversed(range(len(placed))):
        end_s = min(placed[i].end_s, limit_s)
        limit_s = max(0.0, min(placed[i].start_s, end_s - min_s))
        placed[i] = Span(limit_s, end_s)
    return placed

"""Which words of a hypothesis will not change any more, and which of them can have been said.

Pure: words in, a number out. Knows nothing about audio, models or turns.

A word is committed when two things hold of it and of all before it. It lies behind the *border*:
its attention ends some time before the edge of the audio, so that what is still to come cannot
change what was heard of it (AlignAtt, Papi et al. 2023). And there is *agreement*: the hypothesis
before had the same word in the same place (LocalAgreement, Liu et al. 2020). The two fail on
different models and languages. Committed words are the forced prefix of everything read afterwards,
so none is ever taken back.

Why it is so: docs/decisions.md, Live streams.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from auricle.types import Word

SQUEEZED_S = 0.36
SQUEEZED_WORDS = 4
"""So many words in so little time are more than anybody says: the decoder has gone on without
audio, and what it says is squeezed into what was left."""

SQUEEZED_PIECES_S = 0.18
"""The same where nothing is written between words, so that these are a syllable or less."""

DOUBTFUL = 0.5

LOOP_LENGTHS = range(1, 9)
"""Words in a phrase that may be repeated on and on."""

IN_WORD_LOOP = re.compile(r"(.{1,8}?)\1{15,}")
"""Letters said more than fifteen times running in what has no spaces: a loop, too. A number may end
in twelve zeros."""

ECHO_LENGTHS = range(2, 13)
MIN_ECHO_PIECES = 6
ECHO_SHARE = 0.4
ECHO_WORD_S = 0.15
"""Words in a phrase that is said once more at once: in less than this share of the time it took
before, and in less than this for each word, nobody says it again. Syllables are often doubled."""

LOST_S = 1.0
"""Audio at the end without a word that can have been said; a turn ends in less silence."""

MAX_REPEATS = 3
MIN_LOOP_WORDS = 8
"""A phrase said more than three times running, in so many words, is a loop of the decoder."""


@dataclass(frozen=True, slots=True)
class CommitRule:
    """What is asked of a word."""

    border_s: float = 0.7
    """How far before the edge of the audio it ends."""
    doubt_s: float = 0.3
    """How much farther, if the model doubts it."""
    agreement: bool = True
    """Whether the hypothesis before must have it, too."""
    followed: bool = True
    """Whether another word must follow: the last one may be half of one that is still spoken."""


def n_committed(
    words: Sequence[Word], before: Sequence[Word], edge_s: float, rule: CommitRule
) -> int:
    """How many of the first ``words`` are committed. Both hypotheses begin behind the words that
    were committed earlier; ``edge_s`` is where the audio ends that ``words`` were read from."""
    if rule.followed:
        words = words[:-1]
    if rule.agreement:
        agreed = takewhile(lambda pair: is_same(*pair), zip(words, before, strict=False))
        words = [word for word, _ in agreed]
    behind = takewhile(lambda word: word.end_s <= edge_s - _border_s(word, rule), words)
    return sum(1 for _ in behind)


def _border_s(word: Word, rule: CommitRule) -> float:
    return rule.border_s + (rule.doubt_s if word.probability < DOUBTFUL else 0.0)


def is_same(a: Word, b: Word) -> bool:
    """Whether two words differ in nothing but case and punctuation."""
    return spelling(a.text) == spelling(b.text)


def spelling(text: str) -> str:
    """The letters and digits of a word in lower case; of one without any, what it has."""
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    letters = "".join(c for c in folded if unicodedata.category(c)[0] in "LNM")
    return letters or folded


def n_plausible(words: Sequence[Word], edge_s: float) -> int:
    """How many of the first ``words`` can have been said. Those behind the edge of the audio were
    heard in silence. A decoder that has lost the audio says the same again and again, or more than
    fits into the time; and the word it went astray with is improbable as well. What it only says
    once more in haste was said before."""
    n = _n_within(words, edge_s)
    n = _echo_start(words[:n])
    astray = _astray_start(words[:n])
    if astray < n:
        n = astray
        while n and words[n - 1].probability < DOUBTFUL:
            n -= 1
    return n


def goes_astray(words: Sequence[Word], edge_s: float) -> bool:
    """Whether the decoder has lost the audio well before its edge, and with it what was said there;
    one that says it all and then again has lost nothing."""
    n = n_plausible(words, edge_s)
    if n == _n_within(words, edge_s):
        return False
    return n == 0 or edge_s - words[n - 1].end_s > LOST_S


def _n_within(words: Sequence[Word], edge_s: float) -> int:
    return sum(1 for _ in takewhile(lambda word: word.start_s < edge_s, words))


def _astray_start(words: Sequence[Word]) -> int:
    return min(_loop_start(words), _squeezed_start(words))


def _echo_start(words: Sequence[Word]) -> int:
    """Behind the last saying of a phrase with which the text ends that was not said in haste; the
    number of words if it ends otherwise. Who stammers goes on."""
    spelt = [spelling(word.text) for word in words]
    for n in ECHO_LENGTHS:
        first = len(spelt)
        while first > n and spelt[first - 1] == spelt[first - 1 - n]:
            first -= 1
        for at in range(first, len(words) - n + 1, n):
            if _is_hasty(words[at - n : at], words[at:]):
                return at
    return len(words)


def _is_hasty(said: Sequence[Word], again: Sequence[Word]) -> bool:
    """Whether all that follows a phrase, which is the same once or more often, came too fast."""
    if not _is_spaced(again) and len(said) < MIN_ECHO_PIECES:
        return False
    again_s = again[-1].end_s - again[0].start_s
    said_s = sum(_duration_s(word) for word in said)  # without pauses
    n_times = len(again) / len(said)
    return again_s < ECHO_SHARE * said_s * n_times and again_s < ECHO_WORD_S * len(again)


def _loop_start(words: Sequence[Word]) -> int:
    """Behind the first saying of a phrase that loops, or at a word that is a loop by itself; the
    number of words if none does."""
    spelt = [spelling(word.text) for word in words]
    for first in range(len(spelt)):
        if IN_WORD_LOOP.search(spelt[first]):
            return first
        for length in LOOP_LENGTHS:
            repeats = 1
            while (
                spelt[first : first + length]
                == spelt[first + repeats * length : first + (repeats + 1) * length]
            ):
                repeats += 1
            if repeats > MAX_REPEATS and repeats * length >= MIN_LOOP_WORDS:
                return first + length
    return len(words)


def _is_spaced(words: Sequence[Word]) -> bool:
    """Whether there is space between any of them."""
    return any(word.text[:1].isspace() for word in words[1:])


def _duration_s(word: Word) -> float:
    return word.end_s - word.start_s


def _squeezed_start(words: Sequence[Word]) -> int:
    """Where words begin to come faster than anybody speaks; the number of words if nowhere."""
    for i, (first, last) in enumerate(zip(words, words[SQUEEZED_WORDS - 1 :], strict=False)):
        is_spaced = _is_spaced(words[i : i + SQUEEZED_WORDS])
        squeezed_s = SQUEEZED_S if is_spaced else SQUEEZED_PIECES_S
        if last.end_s - first.start_s < squeezed_s:
            # The first of them may be the last that was said.
            short = squeezed_s / SQUEEZED_WORDS
            return next(n for n, word in enumerate(words) if n >= i and _duration_s(word) < short)
    return len(words)

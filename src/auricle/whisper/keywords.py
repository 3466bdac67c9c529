"""How the terms that may be said come up among a model's tokens.

Knows nothing about search: terms in, sequences of tokens out.

Why it is so: docs/decisions.md, The loop of our own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from auricle.whisper.vocabulary import Vocabulary

BOOST = 1.25
"""What each token of a term is worth, in log-probability, where no other boost is asked for."""

MAX_FACTOR = 2.0
"""By which a boost is multiplied at most: above that, texts loop."""

SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "MYANMAR")
"""How names of characters begin of which words are written without spaces."""

MAX_TERM_TOKENS = 64
"""Longer terms are left out: nobody says them whole."""


_UNSEEN = ("Cc", "Cf")
"""Categories of characters: control and format."""

_JOINERS = "\u200c\u200d"
"""Of them, those that change how letters look: in Persian, in families of emojis."""


class ExpectedTokens(NamedTuple):
    """Tokens that may well follow each other in what is said."""

    ids: tuple[int, ...]
    boost: float
    """What each of them is worth, in log-probability; below 0, they should not be said."""


def expected_tokens(
    vocabulary: Vocabulary, terms: Sequence[str], factors: Mapping[str, float]
) -> tuple[ExpectedTokens, ...]:
    """Every term as it may be written: behind a space, unless its script has none, and with a
    capital letter as well, as where a sentence begins. ``factors`` of terms that are not usual."""
    found: dict[tuple[int, ...], float] = {}
    for term in terms:
        factor = max(-MAX_FACTOR, min(factors.get(term, 1.0), MAX_FACTOR))
        for spelling in _spellings(visible(term)) if factor else ():
            found.setdefault(tuple(vocabulary.encode(spelling)), BOOST * factor)
    return tuple(
        ExpectedTokens(ids, boost) for ids, boost in found.items() if len(ids) <= MAX_TERM_TOKENS
    )


def visible(term: str) -> str:
    """A term without characters that nobody hears or sees, such as marks of the direction of
    writing, which come along where names are copied from. Those that join letters stay."""
    found = (c for c in term if c in _JOINERS or unicodedata.category(c) not in _UNSEEN)
    return "".join(found).strip()


def _spellings(term: str) -> Iterator[str]:
    if not term:
        return
    if _has_no_spaces(term):
        yield term
        return
    yield f" {term}"
    if term[:1].islower():
        yield f" {term[0].upper()}{term[1:]}"


def _has_no_spaces(text: str) -> bool:
    """Whether it is written without spaces between words, as Chinese and Thai, not Korean."""
    return any(unicodedata.name(character, "").startswith(SPACELESS) for character in text)

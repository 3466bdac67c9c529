"""Errors of what was heard against what was said, after Whisper's standard text normaliser.

Knows nothing about servers. Needs the optional packages of ``auricle[bench]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from rapidfuzz.distance import Levenshtein
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from auricle.bench.load import Outcome
from auricle.bench.summary import Rate

WRITTEN_WITHOUT_SPACES = frozenset({"ja", "zh", "yue", "th", "lo", "my"})
"""Languages scored by character, as is usual for them."""


def by_language(outcomes: Iterable[Outcome]) -> dict[str, Rate]:
    """Error rates of the answered requests whose clips have references, by language code."""
    totals: dict[str, Rate] = {}
    for outcome in outcomes:
        clip = outcome.clip
        if outcome.text is not None and clip.text is not None and clip.language is not None:
            rate = score(clip.text, outcome.text, clip.language)
            totals[clip.language] = _sum(totals.get(clip.language), rate)
    return dict(sorted(totals.items()))


def score(reference: str, heard: str, language: str) -> Rate:
    """Edit distance in words, or in characters where a language has no spaces."""
    expected, got = units(reference, language), units(heard, language)
    unit = "characters" if language in WRITTEN_WITHOUT_SPACES else "words"
    return Rate(unit, len(expected), Levenshtein.distance(expected, got))


def units(text: str, language: str) -> list[str]:
    normal = _normaliser(language)(text)
    if language in WRITTEN_WITHOUT_SPACES:
        return list(normal.replace(" ", ""))
    return normal.split()


def _sum(one: Rate | None, other: Rate) -> Rate:
    if one is None:
        return other
    return Rate(one.unit, one.n_units + other.n_units, one.n_errors + other.n_errors)


@cache
def _normaliser(language: str) -> Callable[[str], str]:
    made: Callable[[str], str] = (
        EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
    )
    return made

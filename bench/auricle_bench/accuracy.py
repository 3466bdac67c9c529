"""Errors of a hypothesis against its reference, after Whisper's standard text normaliser.

Knows nothing about servers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from rapidfuzz.distance import Levenshtein
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from auricle_bench.load import Outcome
from auricle_bench.summary import Rate

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


def score(reference: str, hypothesis: str, language: str) -> Rate:
    """Edit distance in words, or in characters where a language has no spaces."""
    expected, got = units(reference, language), units(hypothesis, language)
    unit = "characters" if language in WRITTEN_WITHOUT_SPACES else "words"
    return Rate(unit, len(expected), Levenshtein.distance(expected, got))


def score_characters(reference: str, hypothesis: str, language: str) -> Rate:
    """Edit distance in characters, with the spaces between words."""
    expected, got = (
        _separator(language).join(units(text, language)) for text in (reference, hypothesis)
    )
    return Rate("characters", len(expected), Levenshtein.distance(expected, got))


def differences(reference: str, hypothesis: str, language: str, context: int = 4) -> str:
    """What was heard, with what was said in brackets where they differ: ``[said → heard]``,
    ``[-missed]``, ``[+invented]``; long stretches that agree are cut to ``context`` units."""
    expected, got = units(reference, language), units(hypothesis, language)
    glue = _separator(language)
    blocks = [
        (name, expected[said_first:said_last], got[heard_first:heard_last])
        for name, said_first, said_last, heard_first, heard_last in changes(expected, got)
    ]
    if len(blocks) == 1 and blocks[0][0] == "equal":
        return "no difference"
    parts = []
    for place, (name, said, listened) in enumerate(blocks):
        if name == "equal":
            first, last = place == 0, place == len(blocks) - 1
            parts.append(glue.join(_shortened(said, context, first=first, last=last)))
        elif not listened:
            parts.append(f"[-{glue.join(said)}]")
        elif not said:
            parts.append(f"[+{glue.join(listened)}]")
        else:
            parts.append(f"[{glue.join(said)} → {glue.join(listened)}]")
    return glue.join(parts)


def changes(expected: list[str], got: list[str]) -> list[tuple[str, int, int, int, int]]:
    """Stretches that are ``equal`` and ones with a ``change``, with their bounds in both lists."""
    merged: list[tuple[str, int, int, int, int]] = []
    for op in Levenshtein.opcodes(expected, got):
        name = "equal" if op.tag == "equal" else "change"
        if merged and merged[-1][0] == name == "change":
            _, said_first, _, heard_first, _ = merged[-1]
            merged[-1] = (name, said_first, op.src_end, heard_first, op.dest_end)
        else:
            merged.append((name, op.src_start, op.src_end, op.dest_start, op.dest_end))
    return merged


def _shortened(same: list[str], context: int, *, first: bool, last: bool) -> list[str]:
    head = [] if first else same[:context]
    tail = [] if last else same[-context:]
    return same if len(same) <= len(head) + len(tail) + 1 else [*head, "…", *tail]


def _separator(language: str) -> str:
    return "" if language in WRITTEN_WITHOUT_SPACES else " "


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

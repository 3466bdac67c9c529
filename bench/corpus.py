"""A folder of clips with references: reading it, normalising text, counting errors.

Knows nothing about servers. The folder holds ``refs.jsonl``, one object a line with at least
``file``, ``language`` (a code) and ``text``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rapidfuzz.distance import Levenshtein
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

WRITTEN_WITHOUT_SPACES = frozenset({"ja", "zh", "yue", "th", "lo", "my"})
"""Languages scored by character, as is usual for them."""


@dataclass(frozen=True, slots=True)
class Clip:
    path: Path
    language: str
    text: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Score:
    """Errors against the reference, in words (characters where there are no spaces)."""

    n_units: int
    n_errors: int

    def __add__(self, other: Score) -> Score:
        return Score(self.n_units + other.n_units, self.n_errors + other.n_errors)

    @property
    def rate(self) -> float:
        return self.n_errors / self.n_units if self.n_units else 0.0


def read(folder: Path, languages: Iterable[str] = ()) -> list[Clip]:
    """The clips of a folder in the order of its list, all or those in some languages."""
    wanted = set(languages)
    lines = (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [
        Clip(folder / row["file"], row["language"], row["text"], row["duration_s"])
        for row in rows
        if not wanted or row["language"] in wanted
    ]


def score(reference: str, heard: str, language: str) -> Score:
    """Edit distance after Whisper's standard normaliser."""
    expected, got = units(reference, language), units(heard, language)
    return Score(len(expected), Levenshtein.distance(expected, got))


def units(text: str, language: str) -> list[str]:
    normal = _normaliser(language)(text)
    if language in WRITTEN_WITHOUT_SPACES:
        return list(normal.replace(" ", ""))
    return normal.split()


@cache
def _normaliser(language: str) -> Callable[[str], str]:
    if language == "en":
        return EnglishTextNormalizer()
    return BasicTextNormalizer()

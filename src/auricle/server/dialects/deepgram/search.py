"""Where terms are said that a request searches for.

Knows nothing about requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auricle.server.dialects.deepgram import formatting
from auricle.server.dialects.deepgram.bodies import Hit, Search
from auricle.server.dialects.deepgram.formatting import Formatting, WrittenWord
from auricle.server.dialects.shared import time

SNIPPET_WORDS: Final = 5
"""How many words on either side of a hit its snippet has."""


def search_results(
    words: Sequence[WrittenWord], terms: Sequence[str], style: Formatting
) -> tuple[Search, ...] | None:
    """The hits of each term; None where nothing is searched for."""
    return tuple(_search(words, term, style) for term in terms) or None


def _search(words: Sequence[WrittenWord], term: str, style: Formatting) -> Search:
    parts = tuple(filter(None, map(formatting.bare, term.split())))
    return Search(term, tuple(_hits(words, parts, style)) if parts else ())


def _hits(words: Sequence[WrittenWord], parts: tuple[str, ...], style: Formatting) -> Iterator[Hit]:
    for first, last in formatting.matches(words, parts):
        hit = words[first:last]
        around = words[max(first - SNIPPET_WORDS, 0) : last + SNIPPET_WORDS]
        yield Hit(
            formatting.confidence(hit),
            time(hit[0].start_s),
            time(hit[-1].end_s),
            formatting.text(around, style),
        )

"""Where terms are said that a request searches for.

Knows nothing about requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auricle.server.dialects.deepgram import wording
from auricle.server.dialects.deepgram.bodies import Hit, Search
from auricle.server.dialects.deepgram.wording import Said, Wording
from auricle.server.dialects.shared import time

SNIPPET_WORDS: Final = 5
"""How many words on either side of a hit its snippet has."""


def searched(
    words: Sequence[Said], terms: Sequence[str], style: Wording
) -> tuple[Search, ...] | None:
    """The hits of each term; None where nothing is searched for."""
    return tuple(_search(words, term, style) for term in terms) or None


def _search(words: Sequence[Said], term: str, style: Wording) -> Search:
    parts = tuple(filter(None, map(wording.bare, term.split())))
    return Search(term, tuple(_hits(words, parts, style)) if parts else ())


def _hits(words: Sequence[Said], parts: tuple[str, ...], style: Wording) -> Iterator[Hit]:
    for first, last in wording.matches(words, parts):
        hit = words[first:last]
        around = words[max(first - SNIPPET_WORDS, 0) : last + SNIPPET_WORDS]
        yield Hit(
            wording.confidence(hit),
            time(hit[0].start_s),
            time(hit[-1].end_s),
            wording.text(around, style),
        )

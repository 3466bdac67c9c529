"""Words one after the other: those of two readings may overlap by a little.

Pure. Knows nothing about turns or sockets.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from auricle.live.effects import LiveWord

MIN_WORD_S = 0.02
"""No word is shorter, whatever the model makes of it."""


def in_order(words: Iterable[LiveWord], start_s: float) -> list[LiveWord]:
    """The words with times that follow each other, none of them before ``start_s``."""
    found: list[LiveWord] = []
    for word in words:
        start_s = max(word.start_s, start_s)
        end_s = max(word.end_s, start_s + MIN_WORD_S)
        found.append(msgspec.structs.replace(word, start_s=start_s, end_s=end_s))
        start_s = end_s
    return found

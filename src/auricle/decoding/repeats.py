"""When a text says the same thing over and over, so that going on with it is in vain.

Knows nothing about searches: token ids in, a decision out. Whisper's decoder falls into loops, and
then goes on to the last token that it may have; a window that is read again because of that costs
several times what it would if each loop was left at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

N_COPIES = 5
"""How often a phrase is said running in a loop, as in `reading.fallback`."""

MIN_TOKENS = 32
"""What the copies have together, so that few short words such as "no, no, no, no, no" are none."""

LONGEST_PHRASE = 40
"""Tokens of the longest phrase looked for: five copies of it fill a window."""

N_TIMES = 3
MIN_TOKENS_CUT = 8
LONGEST_PHRASE_CUT = 24
"""The same where a text that breaks off does no harm, because it is read again in a moment."""


def is_repeating(text: Sequence[int]) -> bool:
    """Whether the tokens of text end in copies of one phrase."""
    for n in range(1, LONGEST_PHRASE + 1):
        length = max(N_COPIES * n, math.ceil(MIN_TOKENS / n) * n)
        tail = text[-length:]
        if len(tail) == length and tail[n:] == tail[:-n]:
            return True
    return False


def first_end(text: Sequence[int]) -> int | None:
    """Where the first of the copies ends that the tokens end in; None if there are none."""
    for n in range(1, min(LONGEST_PHRASE_CUT, len(text) // N_TIMES) + 1):
        first = len(text) - n * max(N_TIMES, math.ceil(MIN_TOKENS_CUT / n))
        if first >= 0 and text[first + n :] == text[first:-n]:
            return first + n
    return None

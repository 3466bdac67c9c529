"""How a word or three are read: without timestamps, and of the likeliest texts one that can be said
in the time.

Knows nothing about engines or queues. To a single word a model says nothing, a whole sentence or
"Thank you.", and the more often if it has to begin with a timestamp.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

import msgspec

from auricle.reading.text import WindowText
from auricle.types import DecodeOptions, Window
from auricle.whisper.dimensions import SECONDS_PER_STATE

MAX_SPEECH_S = 2.0
"""Three words take 0.4 to 1.9 s. Longer texts are the better for timestamps: they divide them."""

MAX_WINDOW_S = 6.0
"""In a longer window voice detection may have missed most of what is said."""

N_BEST = 5
"""Texts to choose from."""

MAX_NEW_TOKENS = 60
"""Bounds a runaway; two seconds of speech have up to 28."""

NEAR_S = 0.5
"""Audio on either side of detected speech in which soft sounds may belong to it."""

LETTERS_AT_ONCE = 3
LETTERS_PER_S = 20
"""What can be said: of 2,675 runs of one to five words of read English 9 have more letters."""

_LETTERS_OF_A_SYLLABLE = 3
"""What a digit, or a character that stands for a syllable or more, counts as."""


def is_short(window: Window, options: DecodeOptions) -> bool:
    """Whether so little is said in a window that it is read this way. What begins with a prefix has
    timestamps."""
    is_brief = window.duration_s <= MAX_WINDOW_S and 0.0 < window.speech_s <= MAX_SPEECH_S
    return is_brief and not (options.prefix and options.prefix.strip())


def timed(ids: Sequence[int], first_timestamp: int, window: Window) -> tuple[int, ...]:
    """A text's tokens between timestamps of its whole window, as if the model had given them."""
    end = first_timestamp + round(window.duration_s / SECONDS_PER_STATE)
    return (first_timestamp, *(i for i in ids if i < first_timestamp), end)


def choose(texts: Sequence[WindowText], window: Window) -> WindowText:
    """The likeliest text that has letters and can be said in the time; else the shortest that has
    letters. Of those with the same letters, the likeliest. Without any it is nothing."""
    spoken = [(n, text) for text in texts if (n := n_letters(text.text))]
    if not spoken:
        return msgspec.structs.replace(texts[0], segments=())
    most = LETTERS_AT_ONCE + LETTERS_PER_S * _speaking_s(window)
    fitting = [text for n, text in spoken if n <= most]
    best = max(fitting, key=_rank, default=min(spoken, key=lambda each: each[0])[1])
    same = (text for _, text in spoken if _letters(text.text) == _letters(best.text))
    return max(same, key=lambda text: text.avg_logprob)


def _rank(text: WindowText) -> float:
    """The mean log-probability of tokens favours long texts, whose ends follow from their begins;
    the sum favours short ones. In between lies what is right most often."""
    n_tokens = sum(len(segment.tokens) for segment in text.segments) - 1  # end-of-text is one, too
    return text.avg_logprob * math.sqrt(n_tokens)


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def n_letters(text: str) -> int:
    """How long a text takes to say, in letters."""
    return sum(
        _LETTERS_OF_A_SYLLABLE if unicodedata.east_asian_width(c) in "WF" or c.isdigit() else 1
        for c in text
        if c.isalnum()
    )


def _speaking_s(window: Window) -> float:
    """The time in which the text may be said."""
    start_s = max(window.start_s, window.speech[0][0] - NEAR_S)
    return min(window.end_s, window.speech[-1][1] + NEAR_S) - start_s

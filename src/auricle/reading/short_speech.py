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

MAX_SCRAP_S = 0.3
MIN_SILENCE_S = 1.0
"""With so much silence around it, so little speech may well be a noise: of 240 words a model took 9
for silence, of which 0.1 to 0.2 s were heard as speech, and 8 of these were misheard."""

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


def is_scrap(window: Window) -> bool:
    """Whether so little is heard between silences that it may be a noise. Around a word cut tightly
    there are 30 s of silence to a model, so that its word for it counts for nothing."""
    silence_s = window.duration_s - window.speech_s
    return window.speech_s < MAX_SCRAP_S and silence_s >= MIN_SILENCE_S


def timed(ids: Sequence[int], first_timestamp: int, window: Window) -> tuple[int, ...]:
    """A text's tokens between timestamps of its whole window, as if the model had given them."""
    end = first_timestamp + round(window.duration_s / SECONDS_PER_STATE)
    return (first_timestamp, *(i for i in ids if i < first_timestamp), end)


def choose(
    texts: Sequence[WindowText], window: Window, bonuses: Sequence[float] = ()
) -> WindowText:
    """The likeliest text that has letters and can be said in the time; else the shortest that has
    letters. Of those with the same letters, the likeliest. Without any it is nothing. ``bonuses``
    are what texts are worth beside their log-probability."""
    worth = [
        text.avg_logprob + bonus
        for text, bonus in zip(texts, bonuses or [0.0] * len(texts), strict=True)
    ]
    spoken = [(n, place) for place, text in enumerate(texts) if (n := n_letters(text.text))]
    if not spoken:
        return msgspec.structs.replace(texts[0], segments=())
    most = LETTERS_AT_ONCE + LETTERS_PER_S * _speaking_s(window)
    fitting = [place for n, place in spoken if n <= most]

    def rank(place: int) -> float:
        """The mean log-probability of tokens favours long texts, whose ends follow from their
        beginnings, and the sum short ones; right most often is what lies in between."""
        return worth[place] * math.sqrt(_n_tokens(texts[place]))

    best = max(fitting, key=rank, default=min(spoken)[1])
    letters = _letters(texts[best].text)
    same = (place for _, place in spoken if _letters(texts[place].text) == letters)
    return texts[max(same, key=worth.__getitem__)]


def _n_tokens(text: WindowText) -> int:
    """Tokens of a text, without the two timestamps around it but with end-of-text."""
    return sum(len(segment.tokens) for segment in text.segments) - 2 + 1


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

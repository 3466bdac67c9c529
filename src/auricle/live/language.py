"""Which language a turn is in: when a detection is sure enough to write words that never change.

Pure. Knows nothing about models.

One early guess must not decide a session, so every turn is detected anew; and as less than three
seconds of speech are often taken for another language, a doubtful detection waits for more.
"""

from __future__ import annotations

from auricle.types import Language

SURE = 0.8
ENOUGH_S = 3.5
"""Speech after which the likeliest language is taken, if no other was spoken before."""

MIN_S = 1.0
"""Less speech is never sure, unless it agrees with what was spoken before."""


def decided(found: Language, speech_s: float, known: Language | None) -> Language | None:
    """The language of a turn of which ``speech_s`` were heard as ``found``, or None if more must be
    heard; ``known`` is that of the turns before."""
    if found.probability is None:  # it was given
        return found
    if known is not None and found.code == known.code:
        return found
    if found.probability >= SURE and speech_s >= MIN_S:
        return found
    if speech_s >= ENOUGH_S:
        return known or found
    return None


def is_sure(language: Language) -> bool:
    """Whether the turns that follow may lean on it."""
    return language.probability is None or language.probability >= SURE

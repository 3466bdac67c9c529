"""Which language a turn is in: when a detection is sure enough to write words that never change.

Pure. Knows nothing about models.

One early guess must not decide a session, so every turn is detected anew; and as less than three
seconds of speech are often taken for another language, a doubtful detection waits for more. In a
second of speech even the language of the turns before is found where it is not spoken.

Why it is so: docs/decisions.md, Live streams.
"""

from __future__ import annotations

from auricle.types import Language

SURE = 0.8
CERTAIN = 0.95
LIKELY = 0.5

MIN_S = 1.0
"""Less speech decides nothing while there may be more. From here on a language is taken that is
certain, or sure and that of the turns before."""

SURE_S = 2.5
"""Speech after which one is taken that is sure, or likely and that of the turns before."""

ENOUGH_S = 3.5
"""Speech after which one is taken in any case."""


def decided(
    found: Language, speech_s: float, known: Language | None, *, is_over: bool = False
) -> Language | None:
    """The language of a turn of which ``speech_s`` of speech were heard as ``found``, or None if
    more must be heard; ``known`` is that of the turns before. ``is_over``: there is no more."""
    probability = found.probability
    if probability is None:  # it was given
        return found
    if is_over or speech_s >= ENOUGH_S:
        least = LIKELY if speech_s >= ENOUGH_S else SURE
        is_change = probability > least and speech_s >= MIN_S
        return found if known is None or known.code == found.code or is_change else known
    is_same = known is not None and known.code == found.code
    late, early = (LIKELY, SURE) if is_same else (SURE, CERTAIN)
    least = late if speech_s >= SURE_S else early
    return found if probability >= least and speech_s >= MIN_S else None


def is_sure(language: Language) -> bool:
    """Whether the turns that follow may lean on it."""
    return language.probability is None or language.probability >= SURE

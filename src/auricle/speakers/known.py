"""Voices that somebody named: which of the speakers found is who.

Knows nothing about audio; voices are embeddings of length 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.errors import InvalidRequest
from auricle.speakers.diarization import Voices
from auricle.speakers.matching import best_pairs

SAME = 0.5
"""Cosine from which a speaker is the person of a reference."""

MIN_S = 1.0
"""Speech a reference must have."""

MAIN_SHARE = 0.8
"""How much of the speech in a reference must be one voice's."""

NOISY_DB = 12.0
"""A reference whose loud speech is less above the rest of it is called noisy. Of 30 people heard
for 3 s with noise 8 dB below them, one in ten is not known again, one in thirty without noise."""


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A name and what its bearer sounds like."""

    name: str
    embedding: NDArray[np.float32]
    warning: str | None = None
    """What is wrong with the reference, though it will do."""


def known_voice(name: str, reference: Voices, param: str) -> KnownVoice:
    """The voice of a reference recording that was diarized; ``param`` is the field it came in.

    Raises:
        InvalidRequest: nobody speaks in it, or not for long enough, or more than one voice does.
    """
    seconds = np.zeros(len(reference.embeddings))
    for turn in reference.turns:
        seconds[turn.speaker] += turn.end_s - turn.start_s
    total_s = float(seconds.sum())
    if total_s < MIN_S:
        raise InvalidRequest(
            f"The reference for {name!r} has {total_s:.1f} s of speech; {MIN_S:g} s are needed, "
            "and 2 to 10 s are best.",
            param=param,
            code="invalid_value",
        )
    main = int(seconds.argmax())
    if seconds[main] < MAIN_SHARE * total_s:
        raise InvalidRequest(
            f"The reference for {name!r} has {len(seconds)} voices; it must have one.",
            param=param,
            code="invalid_value",
        )
    return KnownVoice(name, reference.embeddings[main], _warning(name, reference))


def _warning(name: str, reference: Voices) -> str | None:
    if reference.range_db >= NOISY_DB:
        return None
    return (
        f"The reference for {name!r} is noisy: loud speech is {reference.range_db:.0f} dB above "
        f"the rest of it, less than {NOISY_DB:g}; a cleaner one is recognised more surely."
    )


def names(embeddings: NDArray[np.float32], known: Sequence[KnownVoice]) -> list[str | None]:
    """A name for each of ``(n_speakers, 192)`` voices, or None where no reference is like it.

    No two speakers get one name: of those alike enough, the most alike in sum are chosen.
    """
    found: list[str | None] = [None] * len(embeddings)
    if not known:
        return found
    cosines = embeddings @ np.stack([voice.embedding for voice in known]).T
    for speaker, number in best_pairs(np.where(cosines >= SAME, cosines, 0.0)):
        found[speaker] = known[number].name
    return found

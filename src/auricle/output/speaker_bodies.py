"""Speakers, and what they say, as JSON has it.

Knows nothing about HTTP or files, or how speakers are told apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from auricle.types import Segment, Speaker

TIME_DECIMALS: Final = 3
"""Milliseconds, as in subtitles."""

UNKNOWN: Final = "unknown"
"""Who says what no voice was heard with."""


class SpeakerBody(msgspec.Struct, frozen=True):
    """Somebody who speaks, by ``known_speaker_names[]`` or a letter; for how long, in seconds.
    ``embedding`` is there with ``speaker_embeddings``."""

    speaker: str
    known: bool
    speech_s: float
    embedding: tuple[float, ...] | msgspec.UnsetType = msgspec.UNSET


class DiarizedSegment(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.segment"
):
    """What one speaker says, as ``diarized_json`` has it and its streams; times in seconds. In a
    stream it comes once its speaker is known. ``overlapping_speakers`` are there where others
    speak at the same time."""

    id: str
    start: float
    end: float
    text: str
    speaker: str
    overlapping_speakers: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


def diarized(number: int, segment: Segment) -> DiarizedSegment:
    """A segment as OpenAI shows those of speakers, the ``number``-th of a recording, from 0."""
    return DiarizedSegment(
        id=f"seg_{number}",
        start=round(segment.start_s, TIME_DECIMALS),
        end=round(segment.end_s, TIME_DECIMALS),
        text=segment.text,
        speaker=segment.speaker or UNKNOWN,
        overlapping_speakers=segment.overlapping or msgspec.UNSET,
    )


def speakers(
    found: Iterable[Speaker] | None, *, embeddings: bool
) -> tuple[SpeakerBody, ...] | msgspec.UnsetType:
    """The speakers of a recording, where anybody asked for them."""
    if found is None:
        return msgspec.UNSET
    return tuple(
        SpeakerBody(
            speaker=each.name,
            known=each.is_known,
            speech_s=round(each.speech_s, TIME_DECIMALS),
            embedding=each.embedding if embeddings else msgspec.UNSET,
        )
        for each in found
    )

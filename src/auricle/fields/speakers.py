"""The fields of a request that are about speakers; `table.FIELDS` holds them with the others.

Knows nothing about how voices are told apart.
"""

from __future__ import annotations

from typing import Final

from auricle.fields import kinds
from auricle.fields.field import Field, Need

_SPEAKERS: Final = Need("diarize", ("true",))

MAX_SPEAKERS: Final = 32
MAX_KNOWN_SPEAKERS: Final = 10
MAX_REFERENCE_BYTES: Final = 4 * 1024 * 1024
"""Of a data URL: 10 s of 48 kHz stereo in 16 bits are 2.6 million characters."""

SPEAKER_FIELDS: Final[tuple[Field, ...]] = (
    Field(
        "diarize",
        kinds.Switch(),
        "request",
        "say who speaks, in verbose_json, diarized_json, text, srt and vtt; diarized_json does it "
        "without being asked",
        default=False,
        flag=True,
    ),
    Field(
        "channels",
        kinds.Choice(("mixed", "separate")),
        "request",
        "separate reads every channel by itself and takes each for a speaker, without listening to "
        "voices; mixed reads all of them as one",
        default="mixed",
        flag=True,
    ),
    Field(
        "num_speakers",
        kinds.Whole(0, MAX_SPEAKERS),
        "request",
        "how many speakers there are; 0: find out",
        default=0,
        flag=True,
        needs=_SPEAKERS,
    ),
    Field(
        "min_speakers",
        kinds.Whole(0, MAX_SPEAKERS),
        "request",
        "how many speakers there are at least, as far as the speech allows; 0: find out",
        default=0,
        flag=True,
        needs=_SPEAKERS,
    ),
    Field(
        "max_speakers",
        kinds.Whole(0, MAX_SPEAKERS),
        "request",
        "how many speakers there are at most; 0: find out",
        default=0,
        flag=True,
        needs=_SPEAKERS,
    ),
    Field(
        "known_speaker_names",
        kinds.Names(MAX_KNOWN_SPEAKERS, max_chars=100),
        "request",
        "names of people who may speak; each needs a reference, in the same order",
        default=(),
        is_openai=True,
        needs=_SPEAKERS,
    ),
    Field(
        "known_speaker_references",
        kinds.DataUrls(MAX_KNOWN_SPEAKERS, MAX_REFERENCE_BYTES),
        "request",
        "a recording for each name in which only that person speaks, best of 2 to 10 s; whoever "
        "sounds like none of them stays a letter",
        default=(),
        is_openai=True,
        needs=_SPEAKERS,
    ),
    Field(
        "speaker_embeddings",
        kinds.Switch(),
        "answer",
        "add to each speaker 192 numbers that tell the voice: those of one person have a cosine of "
        "0.5 or more, also from different recordings",
        default=False,
        flag=True,
        needs=_SPEAKERS,
    ),
)

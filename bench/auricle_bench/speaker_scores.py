"""How wrong it is who spoke when, and who said what, over the recordings of a data set.

Knows nothing about how recordings were transcribed or how results are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import msgspec

from auricle_bench.accuracy import units
from auricle_bench.clips import Clip
from auricle_bench.speaker_errors import (
    COLLAR_S,
    DiarizationErrors,
    WordErrors,
    diarization_errors,
    word_errors,
)
from auricle_bench.speaker_references import spoken_units
from auricle_bench.target import Answer

MOST_UNITS = 8_000
"""Words of one recording that are aligned, from its start: 256 MB. An hour has about as many."""


class SpeakerScore(msgspec.Struct, frozen=True):
    """One recording; None where its reference does not tell."""

    turns: DiarizationErrors | None
    turns_collared: DiarizationErrors | None
    """The same without what is within `COLLAR_S` of a boundary."""
    words: WordErrors | None


class SpeakerRow(msgspec.Struct, frozen=True):
    """All recordings together; rates are None where no reference tells."""

    n_clips: int
    diarization_error_rate: float | None
    collared: float | None
    missed: float | None
    false_alarm: float | None
    confused: float | None
    n_counted: int
    """Recordings whose turns are known."""
    n_right: int
    """Those of them in which as many speakers were found as there are."""
    word_diarization_error_rate: float | None
    n_words: int


def score_of(clip: Clip, answer: Answer, language: str) -> SpeakerScore | None:
    """What is wrong about the speakers of a recording; None where the reference knows none, or the
    answer names none."""
    if answer.said is None or not (clip.turns or clip.said):
        return None
    heard = answer.turns
    turns = collared = words = None
    if clip.turns:
        turns = diarization_errors(clip.turns, heard)
        collared = diarization_errors(clip.turns, heard, COLLAR_S)
    if clip.said:
        in_language = partial(units, language=language)
        reference = spoken_units(clip.said, in_language)[:MOST_UNITS]
        words = word_errors(reference, spoken_units(answer.said, in_language)[:MOST_UNITS])
    return SpeakerScore(turns, collared, words)


def row(scores: Iterable[SpeakerScore]) -> SpeakerRow | None:
    """All together, weighted by speech and by words; None without any."""
    each = list(scores)
    if not each:
        return None
    turns = [score.turns for score in each if score.turns is not None]
    collared = [score.turns_collared for score in each if score.turns_collared is not None]
    words = [score.words for score in each if score.words is not None]
    n_words = sum(one.n_words for one in words)
    return SpeakerRow(
        n_clips=len(each),
        diarization_error_rate=_rate(turns, "missed_s", "false_alarm_s", "confused_s"),
        collared=_rate(collared, "missed_s", "false_alarm_s", "confused_s"),
        missed=_rate(turns, "missed_s"),
        false_alarm=_rate(turns, "false_alarm_s"),
        confused=_rate(turns, "confused_s"),
        n_counted=len(turns),
        n_right=sum(one.n_reference == one.n_hypothesis for one in turns),
        word_diarization_error_rate=(
            sum(one.n_wrong for one in words) / n_words if n_words else None
        ),
        n_words=n_words,
    )


def _rate(errors: Sequence[DiarizationErrors], *parts: str) -> float | None:
    speech_s = sum(each.speech_s for each in errors)
    wrong_s = sum(getattr(each, part) for each in errors for part in parts)
    return wrong_s / speech_s if speech_s else None

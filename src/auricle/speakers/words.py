"""Which word is whose: turns laid over words.

Knows nothing about audio. A word is never split. It belongs to whoever speaks most of it; a
sentence stays with one speaker unless somebody else's voice is really in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from auricle.output.line_breaking import ends_sentence
from auricle.speakers.turns import Turn
from auricle.types import Word

STRAY_S = 0.5
"""Words at the edge of a sentence that are another's for less than this are not believed to be: a
change of voice is found to within a quarter of a second, and so is the time of a word."""

TOGETHER = 0.5
"""Who speaks during so much of a word besides its speaker is told, too."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and who says it."""

    word: Word
    speaker: int | None
    """None where the recording has no turn at all."""
    overlapping: tuple[int, ...] = ()
    """Others who speak during half of it or more."""


def attribute(words: Sequence[Word], turns: Sequence[Turn]) -> tuple[SpokenWord, ...]:
    """A speaker for every word, from turns in order of their start.

    A word that touches no turn goes to the nearest one. In a sentence that is mostly one
    speaker's, words at its edges that are another's for a moment only go to that speaker.
    """
    spoken = _by_overlap(words, turns)
    return tuple(
        word for first, last in _sentences(words) for word in _without_strays(spoken[first:last])
    )


def _by_overlap(words: Sequence[Word], turns: Sequence[Turn]) -> list[SpokenWord]:
    """Words by largest overlap. Both are walked through once: turns that ended before a word
    starts are left behind, the last one to end excepted."""
    spoken = []
    near: list[Turn] = []
    coming = list(turns)[::-1]
    for word in words:
        while coming and coming[-1].start_s < word.end_s:
            near.append(coming.pop())
        near = _still_near(near, word)
        candidates = near + coming[-1:]
        shared = _overlaps(word, near)
        if not candidates:
            spoken.append(SpokenWord(word, None))
            continue
        if not shared:
            nearest = min(candidates, key=lambda turn: _distance_s(word, turn))
            spoken.append(SpokenWord(word, nearest.speaker))
            continue
        speaker = max(shared, key=lambda each: (shared[each], -each))
        min_s = TOGETHER * (word.end_s - word.start_s)
        others = tuple(sorted(o for o, s in shared.items() if o != speaker and s >= min_s))
        spoken.append(SpokenWord(word, speaker, others))
    return spoken


def _still_near(turns: list[Turn], word: Word) -> list[Turn]:
    over = [turn for turn in turns if turn.end_s <= word.start_s]
    last = max(over, key=lambda turn: turn.end_s, default=None)
    return [turn for turn in turns if turn.end_s > word.start_s or turn is last]


def _overlaps(word: Word, turns: Sequence[Turn]) -> dict[int, float]:
    """Speaker → seconds of the word, those who share none of it left out."""
    shared: dict[int, float] = {}
    for turn in turns:
        seconds = min(word.end_s, turn.end_s) - max(word.start_s, turn.start_s)
        if seconds > 0:
            shared[turn.speaker] = shared.get(turn.speaker, 0.0) + seconds
    return shared


def _distance_s(word: Word, turn: Turn) -> float:
    return max(turn.start_s - word.end_s, word.start_s - turn.end_s, 0.0)


def _sentences(words: Sequence[Word]) -> list[tuple[int, int]]:
    following = [*(word.text for word in words), ""][1:]
    ends = [
        i + 1
        for i, (word, text) in enumerate(zip(words, following, strict=True))
        if i + 1 == len(words) or ends_sentence(word.text, text)
    ]
    return list(zip([0, *ends], ends, strict=False))


def _without_strays(sentence: Sequence[SpokenWord]) -> list[SpokenWord]:
    """The sentence with stray words at its edges given to its main speaker."""
    seconds: dict[int | None, float] = {}
    for each in sentence:
        length_s = each.word.end_s - each.word.start_s
        seconds[each.speaker] = seconds.get(each.speaker, 0.0) + length_s
    main = max(seconds, key=lambda speaker: seconds[speaker])
    if seconds[main] * 2 <= sum(seconds.values()):
        return list(sentence)
    runs = [list(run) for _, run in itertools.groupby(sentence, key=lambda each: each.speaker)]
    for edge in (0, -1):
        run = runs[edge]
        is_short = run[-1].word.end_s - run[0].word.start_s < STRAY_S
        if run[0].speaker != main and is_short:
            runs[edge] = [
                replace(each, speaker=main, overlapping=_rest(each, main)) for each in run
            ]
    return [each for run in runs for each in run]


def _rest(word: SpokenWord, speaker: int | None) -> tuple[int, ...]:
    return tuple(each for each in word.overlapping if each != speaker)

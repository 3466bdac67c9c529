"""Words as Deepgram's clients get them: with punctuation or without, filtered and replaced.

Knows nothing about where words come from, or what they stand in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from auricle.server.dialects.shared import figure, time
from auricle.speakers import labels as letters
from auricle.types import Word

_AROUND: Final = ".,?!;:…\"'`“”„‘’«»()[]{}¿¡—–-。、，？！；：「」『』（）《》・،؟؛।"
"""What is no part of a word at its ends."""

_FILLERS: Final = frozenset({"uh", "uhh", "um", "umm", "uhm", "mhm", "mhmm"})
"""In English; elsewhere they can be words: German has an ``um``."""

_PROFANITY: Final = re.compile(
    r"(?:mother)?fuck(?:s|ed|er|ers|in|ing)?|(?:bull)?shit(?:s|ty|ting)?|bitch(?:es|ing|y)?"
    r"|asshole[s]?|cunt[s]?|bastard[s]?|dickhead[s]?|wanker[s]?|motherfucker[s]?|slut[s]?|whore[s]?"
)
"""English words that ``profanity_filter`` masks."""

_SENTENCE_ENDS: Final = (".", "?", "!", "。", "？", "！", "।", "؟")


@dataclass(frozen=True, slots=True)
class Replacement:
    """Words that stand for others: ``find`` in lower case matches in any."""

    find: tuple[str, ...]
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Formatting:
    """How words are written."""

    punctuate: bool = False
    """With punctuation and capitals, as the model writes them."""
    filler_words: bool = False
    profanity_filter: bool = False
    replacements: tuple[Replacement, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """One word of an answer."""

    text: str
    """With its punctuation."""
    start_s: float
    end_s: float
    confidence: float
    spaced: bool = True
    """Whether a space is before it."""
    language: str | None = None
    speaker: int | None = None

    @property
    def plain(self) -> str:
        """Without punctuation, in lower case."""
        return bare(self.text)

    @property
    def ends_sentence(self) -> bool:
        return self.text.rstrip("\"'”’»)」』").endswith(_SENTENCE_ENDS)


class WordBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """One word. ``punctuated_word`` is there where punctuation was asked for, ``language`` with
    ``language=multi``, ``speaker`` with ``diarize``."""

    word: str
    start: float
    end: float
    confidence: float
    punctuated_word: str | None = None
    language: str | None = None
    speaker: int | None = None


def bare(text: str) -> str:
    return text.strip().strip(_AROUND).lower()


def written_words(
    words: Iterable[Word],
    formatting: Formatting,
    language: str | None,
    numbers: Mapping[str, int] | None = None,
) -> tuple[WrittenWord, ...]:
    """Words of the model, as they are to be written; ``numbers`` are those of their speakers, where
    letters do not say them."""
    found = [
        WrittenWord(
            word.text.strip(),
            word.start_s,
            word.end_s,
            word.probability,
            word.text.startswith(" "),
            language,
            _number(word.speaker, numbers),
        )
        for word in words
    ]
    kept = [each for each in found if each.plain]
    if not formatting.filler_words and language == "en":
        kept = list(_without_fillers(kept))
    for replacement in formatting.replacements:
        kept = list(_replaced(kept, replacement))
    if formatting.profanity_filter:
        kept = [_masked(each) for each in kept]
    return tuple(kept)


def _number(speaker: str | None, numbers: Mapping[str, int] | None) -> int | None:
    if speaker is None:
        return None
    return letters.number(speaker) if numbers is None else numbers[speaker]


def bodies(
    words: Iterable[WrittenWord], formatting: Formatting, *, languages: bool
) -> tuple[WordBody, ...]:
    """``languages``: whether each word tells its own."""
    return tuple(
        WordBody(
            each.plain,
            time(each.start_s),
            time(each.end_s),
            figure(each.confidence),
            each.text if formatting.punctuate else None,
            each.language if languages else None,
            each.speaker,
        )
        for each in words
    )


def text(words: Iterable[WrittenWord], formatting: Formatting) -> str:
    """The words as one text."""
    parts = [
        (" " if each.spaced else "") + (each.text if formatting.punctuate else each.plain)
        for each in words
    ]
    return "".join(parts).strip()


def confidence(words: Sequence[WrittenWord]) -> float:
    """That of the words as one: the upper median, 0 of none."""
    if not words:
        return 0.0
    return figure(sorted(each.confidence for each in words)[len(words) // 2])


def matches(words: Sequence[WrittenWord], term: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where the term stands, ``[first, last)`` of the words, not overlapping."""
    is_any_case = all(part == part.lower() for part in term)
    found = [each.plain if is_any_case else each.text.strip(_AROUND) for each in words]
    i = 0
    while i + len(term) <= len(found):
        if tuple(found[i : i + len(term)]) == tuple(term):
            yield i, i + len(term)
            i += len(term)
        else:
            i += 1


def _without_fillers(words: Sequence[WrittenWord]) -> Iterator[WrittenWord]:
    """A sentence that began with one begins with the next word; one that ended with one ends with
    the word before."""
    kept: list[WrittenWord] = []
    begins = False
    for each in words:
        if each.plain in _FILLERS:
            begins = begins or each.text[:1].isupper()
            if each.ends_sentence and kept and not kept[-1].ends_sentence:
                text = kept[-1].text.rstrip(",") + each.text[-1]
                kept[-1] = replace(kept[-1], text=text)
            continue
        if begins:
            each = replace(each, text=each.text[:1].upper() + each.text[1:])
            begins = False
        kept.append(each)
    yield from kept


def _replaced(words: Sequence[WrittenWord], replacement: Replacement) -> Iterator[WrittenWord]:
    at = 0
    for first, last in matches(words, replacement.find):
        yield from words[at:first]
        yield from _others(words[first:last], replacement.by)
        at = last
    yield from words[at:]


def _others(words: Sequence[WrittenWord], by: Sequence[str]) -> Iterator[WrittenWord]:
    """Words in the place of some: they share their time, and have the punctuation behind them."""
    start_s, end_s = words[0].start_s, words[-1].end_s
    each_s = (end_s - start_s) / max(len(by), 1)
    final = words[-1].text
    behind = final[len(final.rstrip(_AROUND)) :]
    for i, text in enumerate(by):
        is_last = i == len(by) - 1
        yield replace(
            words[0],
            text=text + behind if is_last else text,
            start_s=start_s + i * each_s,
            end_s=start_s + (i + 1) * each_s,
            confidence=min(each.confidence for each in words),
            spaced=words[0].spaced if i == 0 else True,
        )


def _masked(each: WrittenWord) -> WrittenWord:
    """With stars for the letters of a profane word."""
    if _PROFANITY.fullmatch(each.plain) is None:
        return each
    head = len(each.text) - len(each.text.lstrip(_AROUND))
    n = len(each.plain)
    return replace(each, text=each.text[:head] + "*" * n + each.text[head + n :])

"""Where written text may be broken, and how wide it is, in scripts with and without spaces.

Knows nothing about time or subtitles: text goes in, places and numbers come out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_SPACE = re.compile(r"[^\S\u00a0\u2007\u202f]+|\0")
"""Where a line may end; not at spaces made to hold words together. A zero byte would end more than
a line in many programs."""

_SPACELESS = re.compile(
    "[\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u2e80-\u312f\u3190-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Chinese, kana
    "\uff00-\uffef\U00020000-\U0003ffff]"  # full and half width, more Chinese
)
"""Scripts written without spaces, with their punctuation: lines end between characters."""

_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc-\u30fe\uff66-\uff9f]{2}")
"""Two signs of the script that Japanese writes foreign words in, one after the other."""

_NEVER_FIRST = frozenset(
    ".,!?:;%)]}»›”’…·‐–—"
    "。、，．！？：；％）］｝〉》」』】〕〗〙・ー～゛゜ヽヾゝゞ々〻ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
    "。」、・ｧｨｩｪｫｬｭｮｯｰﾞﾟ"
    "ะาำๅๆฯะາຳໆຯ"
    "၊။។៕៖"
    "؟،؛۔।॥።፣"
)
"""Closing punctuation and signs that belong to the character before."""

_NEVER_LAST = frozenset("([{«‹“‘¿¡（［｛〈《「『【〔〖〘｢$£€¥＄￥#@เแโใไເແໂໃໄ")
"""Opening punctuation and vowels written before their consonant."""

_CLOSING = "\"'”’»›)]}）］｝」』】〉》〕"
_SENTENCE_ENDS = frozenset(".!?…。．！？｡؟۔।॥။።។")
_CLAUSE_ENDS = frozenset(",;:–—、，；：､،؛၊፣")
_ABBREVIATIONS = frozenset(
    {"mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "nr", "bzw", "z.b", "e.g", "i.e"}
)
"""Short words whose full stop rarely ends a sentence; missing one only makes a break less good."""


def unbreakable(text: str) -> Iterator[tuple[int, int]]:
    """The places ``(first, last + 1)`` of what must stay on one line, in order: words with the
    punctuation that belongs to them, or single characters in scripts without spaces."""
    waiting: tuple[int, int] | None = None
    for first, last in _between_spaces(text):
        for start, end in _between_characters(text, first, last):
            belongs = all(character in _NEVER_FIRST for character in text[start:end])
            if waiting is not None and belongs and text[waiting[1] - 1] not in _NEVER_FIRST:
                waiting = (waiting[0], end)
                continue
            if waiting is not None:
                yield waiting
            waiting = (start, end)
    if waiting is not None:
        yield waiting


def is_inside_word(text: str, place: int) -> bool:
    """Whether the script tells that a word goes on at ``place``, without spaces: in katakana."""
    return _KATAKANA.fullmatch(text[max(0, place - 1) : place + 1]) is not None


def plain(text: str) -> str:
    """What must stay on one line as it is shown: with plain spaces."""
    return _SPACE.sub(" ", text)


def width(text: str) -> int:
    """Columns that a text takes: two for wide characters, none for marks on another."""
    return sum(map(_columns, text))


def ends_sentence(text: str, following: str) -> bool:
    """Whether a sentence ends with this piece of text, judged with what comes after it."""
    bare = text.rstrip(_CLOSING)
    if not bare or bare[-1] not in _SENTENCE_ENDS:
        return False
    return not _is_abbreviation(bare) and not following[:1].islower()


def ends_clause(text: str) -> bool:
    """Whether a piece of text ends with punctuation of any kind."""
    bare = text.rstrip(_CLOSING)
    if bare != text:
        return True
    return bare[-1:] in _CLAUSE_ENDS | _SENTENCE_ENDS and not _is_abbreviation(bare)


def _is_abbreviation(text: str) -> bool:
    return text[-1] == "." and text.strip(".¿¡(\"'“").lower() in _ABBREVIATIONS


def _between_spaces(text: str) -> Iterator[tuple[int, int]]:
    first = 0
    for space in _SPACE.finditer(text):
        if text[first : space.start()].strip():
            yield first, space.start()
        first = space.end()
    if text[first:].strip():
        yield first, len(text)


def _between_characters(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    start = first
    for place in range(first + 1, last):
        before, after = text[place - 1], text[place]
        may_break = _SPACELESS.match(before) or _SPACELESS.match(after)
        if may_break and not _precedes(before) and not _follows(after):
            yield start, place
            start = place
    yield start, last


def _follows(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    if character in _NEVER_FIRST or character.isspace():
        return True
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


def _precedes(character: str) -> bool:
    """Whether a character belongs to the one after it."""
    return character in _NEVER_LAST or character.isspace()


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

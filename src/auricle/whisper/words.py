"""The words of a text, from the bytes of its tokens.

Knows nothing about audio or times.

A word is what stands between spaces, with its punctuation and the space before it; in languages
written without spaces every character is a word, but Latin letters and digits stay together. Marks
that stand alone go where openai-whisper's ``merge_punctuations`` puts them: opening ones to the
word behind, closing ones to the word before. Words joined are the text.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Codes of the languages written without spaces between words."""

OPENING = frozenset("\"'“¿¡([{-–—«„‘「『（【《〈")
CLOSING = frozenset("\"'.。,，!！?？:：”)]}、;；…»’」』）】》〉،؛؟۔।·・")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word and which tokens it is made of: ``tokens[first:end]``."""

    text: str
    first: int
    end: int

    def __add__(self, after: Spoken) -> Spoken:
        return Spoken(self.text + after.text, self.first, after.end)


def split(tokens: Sequence[bytes], language: str) -> list[Spoken]:
    """The words of ``tokens``, in order; together their texts are the text without the white space
    at its end, where bytes that are no UTF-8 read U+FFFD."""
    has_spaces = language not in WITHOUT_SPACES
    words: list[Spoken] = []
    for piece in _characters(tokens):
        if words and _continues(words[-1].text, piece.text, has_spaces=has_spaces):
            words[-1] += piece
        else:
            words.append(piece)
    return _stripped(_with_marks(words))


def _characters(tokens: Iterable[bytes]) -> Iterable[Spoken]:
    """The shortest runs of tokens that end where a character does."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text, first, i = "", 0, 0
    for i, raw in enumerate(tokens, start=1):
        text += decoder.decode(raw)
        if not decoder.getstate()[0]:
            yield Spoken(text, first, i)
            text, first = "", i
    if first < i:
        yield Spoken(text + decoder.decode(b"", final=True), first, i)


def _continues(word: str, piece: str, *, has_spaces: bool) -> bool:
    """Whether ``piece`` belongs to the word before it."""
    if not word.strip() or not piece:
        return True
    if piece[0].isspace():
        return False
    is_mark = unicodedata.category(piece[0]).startswith("M")
    is_latin = piece[0].isascii() and piece[0].isalnum() and word[-1].isascii()
    return has_spaces or is_mark or (is_latin and word[-1].isalnum())


def _with_marks(words: Iterable[Spoken]) -> list[Spoken]:
    """The words with lone punctuation joined to them."""
    joined: list[Spoken] = []
    for word in words:
        if joined and (_opens(joined[-1].text) or _closes(word.text)):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _opens(word: str) -> bool:
    """Whether these are marks that belong to what follows. A quotation mark opens after a space."""
    marks = word.strip()
    is_alone = word[:1].isspace() or not set(marks) & CLOSING
    return is_alone and set(marks) <= OPENING


def _closes(word: str) -> bool:
    """Whether these are marks that belong to what comes before."""
    return set(word.strip()) <= CLOSING and not _opens(word)


def _stripped(words: list[Spoken]) -> list[Spoken]:
    """The words without the white space at the end of the last one."""
    while words and not words[-1].text.strip():
        words.pop()
    if words:
        last = words[-1]
        words[-1] = Spoken(last.text.rstrip(), last.first, last.end)
    return words

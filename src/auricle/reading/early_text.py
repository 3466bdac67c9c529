"""A window's text while it is decoded: words that are given out before the rest is known.

Knows nothing about how a text is decoded or chosen. What was given out stays: whatever the
window is found to say begins with it.

Why it is so: docs/decisions.md, The loop of our own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec

from auricle.engine.protocol import Tokens
from auricle.reading.fallback import Attempt, FallbackThresholds
from auricle.types import Segment, Token, Window
from auricle.whisper import tokens, words
from auricle.whisper.vocabulary import Vocabulary

LONGEST_PHRASE = 12
"""Words of a phrase at most that is not given out again while it is repeated."""


class Given(NamedTuple):
    """What was given out of one window."""

    ids: tuple[int, ...] = ()
    """The tokens of the text, with timestamps among them, the first of all."""
    text: str = ""
    tokens: tuple[Token, ...] = ()
    """Those of text with their log-probabilities, where the engine tells them."""

    def behind(self, said: Sequence[Segment], first_timestamp: int) -> Given:
        """What was given out of what follows these segments."""
        rest = self.text[sum(len(segment.text) for segment in said) :]
        if not rest:
            return Given()
        ids = [i for segment in said for i in segment.tokens if i < first_timestamp]
        more = [i for i in self.ids if i < first_timestamp][len(ids) :]
        return Given((first_timestamp, *more), rest, self.tokens[len(ids) :])

    def beginning(self, said: Iterable[Segment]) -> tuple[Segment, ...]:
        """Segments that say this and more, with the log-probabilities that were given out where
        they have any."""
        segments: list[Segment] = []
        given = self.tokens
        for segment in said:
            own = segment.logprobs or ()
            known, given = given[: len(own)], given[len(own) :]
            logprobs = (*known, *own[len(known) :]) or None
            segments.append(msgspec.structs.replace(segment, logprobs=logprobs))
        return tuple(segments)


class EarlyText:
    """Gives out words of one window. For the event loop only."""

    def __init__(self, given: Given | None = None) -> None:
        self.given = given or Given()
        self._changed = asyncio.Event()
        self._is_over = False

    def grow(self, ids: tuple[int, ...], text: str, tokens: tuple[Token, ...] = ()) -> None:
        """Give out more. Ignored unless the text goes on with what was given out before, whose
        log-probabilities stay."""
        known = self.given
        if len(text) > len(known.text) and text.startswith(known.text):
            self.given = Given(ids, text, (*known.tokens, *tokens[len(known.tokens) :]))
            self._changed.set()

    def end(self) -> None:
        """The window is read."""
        self._is_over = True
        self._changed.set()

    async def parts(self) -> AsyncIterator[Given]:
        """All that was given out, each time it has become more, until the window is read."""
        while True:
            await self._changed.wait()
            if self._is_over:
                return
            self._changed.clear()
            yield self.given

    def begins(self, ids: Sequence[int], vocabulary: Vocabulary) -> bool:
        """Whether a text of these tokens begins with what was given out."""
        given = _text_ids(self.given.ids, vocabulary)
        return _text_ids(ids, vocabulary)[: len(given)] == given


def is_sure(
    reply: Tokens,
    attempt: Attempt,
    thresholds: FallbackThresholds,
    window: Window,
    vocabulary: Vocabulary,
) -> bool:
    """Whether the beginning of a text may be given out although its end is not known: nothing in it
    would have the window read again, or taken for silence."""
    if reply.no_speech_prob > thresholds.max_no_speech_prob or window.speech_s == 0.0:
        return False
    if attempt.beam_size == 1 and reply.avg_logprob < attempt.sure_from:
        return False
    first = vocabulary.first_timestamp
    return not tokens.overruns_audio(reply.ids, first, window.duration_s)


def whole_words(
    ids: Sequence[int], vocabulary: Vocabulary, language: str
) -> tuple[tuple[int, ...], str]:
    """The beginning of a text that ends in the middle of something: tokens and text up to its last
    word but one, and without the repetitions of a phrase that it may not get out of."""
    found: list[tuple[str, int]] = []
    n_before = 0
    for is_text, run in groupby(ids, key=lambda i: i < vocabulary.first_timestamp):
        part = list(run)
        if is_text:
            raws = [vocabulary.decode_bytes([i]) for i in part]
            spoken = words.split(raws, language)
            if not spoken:
                break  # white space between timestamps, which is going to be left out
            found += [(word.text, n_before + word.end) for word in spoken]
        n_before += len(part)
    kept = _without_repetition([text for text, _ in found[:-1]])
    if not kept:
        return (), ""
    return tuple(ids[: found[len(kept) - 1][1]]), "".join(kept)


def _without_repetition(words: list[str]) -> list[str]:
    """The words without those at the end that only say again what comes just before them."""
    shortest = words
    for n in range(1, LONGEST_PHRASE + 1):
        n_again = 0
        while n_again + n < len(words) and words[-1 - n_again] == words[-1 - n_again - n]:
            n_again += 1
        if n_again >= n and len(words) - n_again < len(shortest):
            shortest = words[: len(words) - n_again]
    return shortest


def _text_ids(ids: Sequence[int], vocabulary: Vocabulary) -> tuple[int, ...]:
    return tuple(i for i in ids if i < vocabulary.first_timestamp)

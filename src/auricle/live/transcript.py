"""The text of one turn as it grows: what is committed, and what is tentative.

Knows nothing about samples, engines or when a turn ends.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import msgspec

from auricle.live.commit import n_committed, n_plausible
from auricle.live.effects import LiveWord, ReadRequest, ReadResult
from auricle.live.language import decided, is_sure
from auricle.live.options import LiveOptions
from auricle.live.ordered import in_order
from auricle.types import Language

SKIPPED_S = 1.0
"""Speech without a word: more than anybody draws breath for."""

LONGEST_WORD_S = 1.5
USUAL_WORD_S = 0.5

LATE_S = 0.5
"""A word may end so much before the speech it belongs to."""

MAX_SPOKEN = 16

Span: TypeAlias = tuple[float, float]
"""Of speech, from when to when."""


@dataclass(slots=True)
class TurnTranscript:
    """One turn."""

    turn: int
    start_s: float
    transcribed_s: float
    """Where the audio ended that was read last."""
    speech_start_s: float = 0.0
    """Where somebody began to speak, the last time nobody did before."""
    past_speech: deque[Span] = field(default_factory=lambda: deque(maxlen=MAX_SPOKEN))
    """Where somebody spoke, from when to when, before the last time they began to."""
    window_speech: tuple[Span, ...] = ()
    """Those of the window that is being read."""
    said_s: float = 0.0
    """Where the words end that were known before it was read last, of any turn."""
    given_language: str | None = None
    """None: it is detected."""
    end_s: float | None = None
    """None while the turn is open."""
    is_speaking: bool = True
    """Whether somebody speaks now, or spoke when the turn ended."""
    speech_end_s: float = 0.0
    """Where the last speech in it ended, unless it still goes on."""
    ends_mid_speech: bool = False
    """The speaker went on when the turn ended, because it had become too long. What they said last
    may be half a word; the next turn has it whole."""
    is_read: bool = False
    """Everything said so far was read as well as the engine can."""
    beginning_end_s: float | None = None
    """Where the beginning ends that is read by itself; None if all is."""
    follows: Language | None = None
    """What is spoken behind the beginning. It is read by itself once in a turn, at most."""
    committed: list[LiveWord] = field(default_factory=list)
    tentative: tuple[LiveWord, ...] = ()
    language: Language | None = None
    """None until it is decided; nothing is committed before."""
    language_from_s: float = 0.0
    """Where somebody began to speak in it, if it is not the first of the turn."""
    detected_language: Language | None = None
    """What it was read in last, while that was not decided."""
    speech_s: float = 0.0
    """How much speech of it was read in that."""
    is_lost: bool = False
    """Nothing was read last where words had been."""
    n_failures: int = 0
    """How often its end could not be read."""

    @property
    def speech_until_s(self) -> float:
        """Behind everything said so far; without end while somebody speaks."""
        speech_end_s = math.inf if self.is_speaking else self.speech_end_s
        return speech_end_s if self.end_s is None else min(speech_end_s, self.end_s)

    def unread_s(self, now_s: float) -> float:
        """How much was received that may hold speech and was not read yet."""
        return max(0.0, min(self.speech_until_s, now_s) - self.transcribed_s)

    @property
    def committed_s(self) -> float:
        """Up to where the words are known for good."""
        return self.committed[-1].end_s if self.committed else max(self.start_s, self.said_s)

    def misses_speech(self, read: ReadResult, edge_s: float) -> bool:
        """Whether what was read begins so late that something said before it is missing."""
        from_s = max(self.committed_s, self.speech_start_s)
        first_s = read.words[0].start_s if read.words else edge_s
        return min(first_s, self.speech_until_s) - from_s > SKIPPED_S

    def is_read_otherwise(self, read: ReadResult, request: ReadRequest) -> bool:
        """Whether what was read is left, to be read in another way or once more."""
        if self.misses_beginning(read, request):
            self.begin_alone(read)
            return True
        return self.loses_words(read, request)

    def loses_words(self, read: ReadResult, request: ReadRequest) -> bool:
        """Whether a partial reading begins behind speech in which words were read just before. One
        such reading counts for nothing, the next one does."""
        first_s = read.words[0].start_s if read.words else request.end_s
        had_words = bool(self.tentative) and self.tentative[0].start_s < first_s
        is_partial = request.kind == "partial" and not self.is_lost
        self.is_lost = is_partial and had_words and self.misses_speech(read, request.end_s)
        if self.is_lost:
            self.transcribed_s = request.end_s
        return self.is_lost

    def misses_beginning(self, read: ReadResult, request: ReadRequest) -> bool:
        """Whether somebody speaks before the words that were read in the language detected, perhaps
        in another."""
        if request.language or self.follows or self.committed or not read.words:
            return False
        first = read.words[0]
        until_s = max(first.start_s, first.end_s - LONGEST_WORD_S)
        return self._speech_between_s(0.0, until_s) > SKIPPED_S

    def begin_alone(self, read: ReadResult) -> None:
        """Have the beginning read by itself, up to the words that were read."""
        first = read.words[0]  # which may seem to last over all of the beginning
        self.beginning_end_s = max(first.start_s, first.end_s - USUAL_WORD_S)
        self.follows = read.language

    def is_other_beginning(self, read: ReadResult) -> bool:
        """Whether what was read by itself is surely in another language than what follows."""
        self.beginning_end_s = None
        is_other = self.follows is not None and read.language.code != self.follows.code
        return bool(read.words) and is_other and is_sure(read.language)

    def misses_end(self, read: ReadResult, request: ReadRequest) -> bool:
        """Whether nothing was read of the end, as well as it can be read, though somebody speaks
        there; in a language that was detected, which may be another there."""
        is_detected = self.language is not None and self.language.probability is not None
        if request.kind != "final" or not is_detected or not read.words:
            return False
        return self._speech_between_s(_plausible_end_s(read.words[-1]), math.inf) > SKIPPED_S

    def _speech_between_s(self, from_s: float, to_s: float) -> float:
        """For how long somebody speaks in between, in what is being read."""
        spans = [(max(a, from_s), min(b, to_s)) for a, b in self.window_speech]
        return sum(max(0.0, stop_s - start_s) for start_s, stop_s in spans)

    def begin_reading(self, stop_s: float, said_s: float) -> None:
        """The audio up to there is being read, and words are known up to ``said_s``."""
        self.said_s = said_s
        spoken = [*self.past_speech, (self.speech_start_s, self.speech_until_s)]
        self.window_speech = tuple((a, min(b, stop_s)) for a, b in spoken if a < stop_s)

    @property
    def untranscribed_from_s(self) -> float:
        """Where somebody spoke first of whom nothing was read."""
        late_s = self.transcribed_s + LATE_S
        return next((a for a, b in self.window_speech if b > late_s), self.transcribed_s)

    def stop(self, read: ReadResult) -> tuple[LiveWord, ...]:
        """Commit what was read: it goes on behind that in a language that is to be detected."""
        self.language, self.detected_language, self.is_read = None, None, False
        *words, last = read.words
        last = msgspec.structs.replace(last, end_s=_plausible_end_s(last))
        new = self._keep([*words, last], len(read.words), last.end_s)
        self.language_from_s = self.untranscribed_from_s
        return new

    def take(
        self,
        read: ReadResult,
        request: ReadRequest,
        options: LiveOptions,
        known: Language | None,
    ) -> tuple[LiveWord, ...]:
        """Keep what was read; the words that are committed by it: all, if nothing follows."""
        edge_s = request.end_s
        words = read.words[: n_plausible(read.words, edge_s)]
        self.is_read = request.kind == "final" and edge_s >= self.speech_until_s
        border = replace(options.rule, agreement=False, followed=False)
        self.decide_language(read, request, known)
        if self.is_read and self.end_s is not None:
            n = n_committed(words, (), edge_s, border) if self.ends_mid_speech else len(words)
            self.settle_language(known)
            return self._keep(words[:n], n if self.is_read else 0, edge_s)
        is_full = edge_s >= request.start_s + options.longest_s
        rule = border if is_full else options.rule
        n = n_committed(words, self.tentative, edge_s, rule) if request.language else 0
        return self._keep(words, n, edge_s)

    @property
    def has_language(self) -> bool:
        """It was given, or is decided."""
        return self.given_language is not None or self.language is not None

    def decide_language(
        self, read: ReadResult, request: ReadRequest, known: Language | None
    ) -> None:
        """Decide on the language if what was read is enough; ``known`` is that of turns before."""
        if self.language is None:
            self.detected_language = read.language if read.words else None
        if self.language is None and read.words:
            self.speech_s = self._speech_between_s(self.language_from_s, request.end_s)
            self._take_language(decided(read.language, self.speech_s, known))

    def settle_language(self, known: Language | None) -> None:
        """No more will be heard for now: a doubtful language is the ``known`` one, if any."""
        if self.language is None and self.detected_language is not None:
            self._take_language(decided(self.detected_language, self.speech_s, known, is_over=True))

    def _take_language(self, language: Language | None) -> None:
        """What was read in another is to be read again."""
        self.language, heard = language, self.detected_language
        if language is not None and heard is not None and language.code != heard.code:
            self.is_read = False

    def commit_rest(self) -> tuple[LiveWord, ...]:
        """Commit what is tentative."""
        return self._keep(self.tentative, len(self.tentative), self.transcribed_s)

    def _keep(self, words: Sequence[LiveWord], n: int, edge_s: float) -> tuple[LiveWord, ...]:
        ordered = tuple(in_order(words, self.committed_s))
        new, self.tentative = ordered[:n], ordered[n:]
        self.committed += new
        self.transcribed_s = edge_s
        return new


def _plausible_end_s(word: LiveWord) -> float:
    """Where a word ends behind which nothing was read: it may seem to last over all of that."""
    return min(word.end_s, word.start_s + LONGEST_WORD_S)

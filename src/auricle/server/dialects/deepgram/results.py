"""What the client of a live stream is told of one channel, by what becomes of it.

Pure: effects and the audio's clock in, messages out. Knows nothing about sockets or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from auricle.live.effects import (
    Effect,
    LiveWord,
    SpeechPaused,
    SpeechResumed,
    TurnEnded,
    TurnFailed,
    TurnStarted,
    Update,
)
from auricle.live.effects import (
    Final as TurnFinal,
)
from auricle.live.ordered import in_order
from auricle.server.dialects.deepgram import formatting
from auricle.server.dialects.deepgram.bodies import Alternative
from auricle.server.dialects.deepgram.messages import (
    LiveChannel,
    ResultMetadata,
    Results,
    ServerMessage,
    SpeechStarted,
    UtteranceEnd,
)
from auricle.server.dialects.deepgram.search import search_results
from auricle.server.dialects.deepgram.stream_request import ResultOptions
from auricle.server.dialects.shared import time

FINAL_S: Final = 3.0
"""Committed words are told as final once there is so much of them, or at the end of a sentence."""

QUIET_S: Final = 5.0
"""Something is told at least so often: an empty result, where nobody speaks."""

ONSET_S: Final = 1.0
"""Somebody may have begun to speak so long ago of whom nothing is known yet: what is told as silent
ends before."""

_SENTENCE_ENDS: Final = (".", "?", "!", "。", "？", "！")


class LiveResults:
    """Follows one channel. Memory grows with nothing but the words of a turn."""

    def __init__(
        self, options: ResultOptions, metadata: ResultMetadata, channel: tuple[int, int] = (0, 1)
    ) -> None:
        self._options = options
        self._metadata = metadata
        self._channel = channel
        self._now_s = 0.0
        self._last_result_s = 0.0
        """When, by the audio, the last result was told."""
        self._final_s = 0.0
        """Up to where there are finals."""
        self._committed: list[LiveWord] = []
        """Words that will not change, and are not told as final yet."""
        self._tentative: tuple[LiveWord, ...] = ()
        self._n_committed = 0
        """Words committed of the turn that is read."""
        self._language = options.language
        """Of the turn before, where it is not known from the start."""
        self._open: int | None = None
        """The turn in which somebody speaks, or pauses."""
        self._is_paused = False
        self._by_silence: dict[int, bool] = {}
        """Turns that have ended and are not final, and whether silence ended them."""
        self._finalizes: list[float] = []
        """Where `finalize` was called, and the end of that turn was not told of yet."""
        self._finalizing: set[int] = set()
        self._closed_s: float | None = None
        self._utterance_end_s: float | None = None
        """Where the last word ended that was told, unless the end of its utterance was, too."""
        self._is_speech_reported = False

    def finalize(self, at_s: float) -> None:
        """The client wants what there is; the turn is ended for it."""
        self._finalizes.append(at_s)

    def close(self, at_s: float) -> None:
        """There is no more audio."""
        self._closed_s = at_s

    def received(self, now_s: float) -> list[ServerMessage]:
        """So much audio was received."""
        self._now_s = now_s
        messages = self.utterance_over()
        if now_s - self._last_result_s >= QUIET_S:
            is_idle = self._open is None and not self._by_silence
            if is_idle and not self._committed:
                messages += self._final(now_s - ONSET_S)
            elif self._options.interim_results:
                messages += self._interim()
        return messages

    def take(self, effect: Effect) -> list[ServerMessage]:
        """What follows from what became of the channel."""
        match effect:
            case TurnStarted(turn, start_s):
                self._open, self._is_paused = turn, False
                return self._speech_started(start_s)
            case SpeechPaused():
                self._is_paused = True
            case SpeechResumed():
                self._is_paused = False
            case TurnEnded(turn, _, end_s):
                self._end(turn, end_s)
            case Update(turn, committed, tentative):
                return self._update(turn, committed, tentative)
            case TurnFinal(turn, _, end_s, words, language):
                self._language = language.code if language else self._language
                return self._turn_over(turn, end_s, words)
            case TurnFailed(turn, _, end_s, words):  # in whatever language
                return self._turn_over(turn, end_s, words)
        return []

    def _speech_started(self, start_s: float) -> list[ServerMessage]:
        if not self._options.vad_events:
            return []
        self._is_speech_reported = True
        return [SpeechStarted(self._channel, time(start_s))]

    def _end(self, turn: int, end_s: float) -> None:
        is_silent = turn != self._open or self._is_paused
        self._open, self._is_paused = None, False
        if end_s in self._finalizes:  # turns before it may be told of later
            self._finalizes.remove(end_s)
            self._finalizing.add(turn)
        elif end_s == self._closed_s:
            is_silent = True
        self._by_silence[turn] = is_silent

    def _update(
        self, turn: int, committed: Sequence[LiveWord], tentative: tuple[LiveWord, ...]
    ) -> list[ServerMessage]:
        messages = self._new_utterance(committed)
        self._committed += committed
        self._n_committed += len(committed)
        self._tentative = tentative
        if self._is_final_due(turn):
            messages += self._final(self._committed[-1].end_s)
        if self._options.interim_results and (self._committed or tentative):
            messages += self._interim()
        return messages

    def _is_final_due(self, turn: int) -> bool:
        """Whether a sentence is over, or long. At the end of a turn it is told with that: clients
        wait for the text of what they finalize."""
        if not self._committed or self._options.languages:
            return False
        first, last = self._committed[0], self._committed[-1]
        is_sentence = last.text.rstrip("\"'”’»").endswith(_SENTENCE_ENDS)
        is_long = last.end_s - first.start_s >= FINAL_S
        return is_long or (is_sentence and turn not in self._by_silence)

    def _turn_over(self, turn: int, end_s: float, words: Sequence[LiveWord]) -> list[ServerMessage]:
        """All of a turn is known."""
        rest = words[self._n_committed :]
        messages = self._new_utterance(rest)
        self._committed += rest
        self._tentative, self._n_committed = (), 0
        is_silent = self._by_silence.pop(turn, True)
        from_finalize = turn in self._finalizing
        self._finalizing.discard(turn)
        is_end = is_silent and self._options.endpointing and bool(words or self._is_speech_reported)
        if self._committed or is_end or from_finalize:
            messages += self._final(end_s, is_end=is_end, from_finalize=from_finalize)
        self._is_speech_reported = self._is_speech_reported and self._open is not None
        return messages

    def _final(
        self, end_s: float, *, is_end: bool = False, from_finalize: bool = False
    ) -> list[ServerMessage]:
        """The committed words, up to ``end_s``."""
        words, self._committed = in_order(self._committed, self._final_s), []
        if words:
            self._utterance_end_s = words[-1].end_s
            end_s = max(end_s, words[-1].end_s)
        end_s = max(end_s, self._final_s)
        message = self._results(words, end_s, is_final=True)
        self._final_s = end_s
        return [msgspec.structs.replace(message, speech_final=is_end, from_finalize=from_finalize)]

    def _interim(self) -> list[ServerMessage]:
        """What is not final yet, up to now."""
        words = in_order((*self._committed, *self._tentative), self._final_s)
        end_s = max([self._now_s, self._final_s, *(word.end_s for word in words)])
        return [self._results(words, end_s, is_final=False)]

    def _results(self, words: Sequence[LiveWord], end_s: float, *, is_final: bool) -> Results:
        self._last_result_s = self._now_s
        options, start_s = self._options, self._final_s
        written = formatting.written_words(words, options.formatting, self._language)
        shows_languages = options.languages and is_final and self._language is not None
        alternative = Alternative(
            formatting.text(written, options.formatting),
            formatting.confidence(written),
            formatting.bodies(written, options.formatting, languages=shows_languages),
            languages=(self._language,) if shows_languages and self._language else None,
        )
        search = search_results(written, options.searches, options.formatting) if is_final else None
        return Results(
            channel_index=self._channel,
            duration=time(end_s - start_s),
            start=time(start_s),
            is_final=is_final,
            speech_final=False,
            channel=LiveChannel((alternative,), search),
            metadata=self._metadata,
            from_finalize=False,
        )

    def _new_utterance(self, words: Sequence[LiveWord]) -> list[ServerMessage]:
        """The end of the utterance before, where words begin long after it."""
        gap_s, last_s = self._options.utterance_end_s, self._last_word_end_s
        if gap_s is None or last_s is None or not words or words[0].start_s - last_s < gap_s:
            return []
        messages = self._final(last_s) if self._committed else []
        return messages + self._utterance_end(last_s)

    @property
    def _last_word_end_s(self) -> float | None:
        """Where the utterance ends so far, unless its end was told."""
        return self._committed[-1].end_s if self._committed else self._utterance_end_s

    def utterance_over(self) -> list[ServerMessage]:
        """The end of the utterance, where nothing has followed it for long enough."""
        gap_s = self._options.utterance_end_s
        is_speaking = self._open is not None and not self._is_paused
        if gap_s is None or is_speaking or self._by_silence or self._tentative:
            return []
        last_s = self._last_word_end_s
        if last_s is None or self._now_s - last_s < gap_s:
            return []
        messages = self._final(last_s) if self._committed else []
        return messages + self._utterance_end(last_s)

    def _utterance_end(self, last_s: float) -> list[ServerMessage]:
        self._utterance_end_s = None
        return [UtteranceEnd(self._channel, time(last_s))]

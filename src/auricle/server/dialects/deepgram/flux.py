"""What the client of ``/v2/listen`` is told: turns, by what becomes of a stream.

Pure: effects and the audio's clock in, messages out. Knows nothing about sockets or models.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from auricle.live.effects import (
    Effect,
    EndOfTurnPredicted,
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
from auricle.server.dialects.deepgram import formatting
from auricle.server.dialects.deepgram.flux_messages import (
    Connected,
    Event,
    FluxWord,
    Trigger,
    TurnInfo,
)
from auricle.server.dialects.deepgram.flux_turn import Pause, TurnWords
from auricle.server.dialects.deepgram.formatting import Formatting, WrittenWord
from auricle.server.dialects.shared import figure, time

DEFAULT_THRESHOLD: Final = 0.7
DEFAULT_TIMEOUT_S: Final = 5.0

SURE: Final = 1.0
"""How sure it is that a turn is over which a limit or the client has ended."""


@dataclass(frozen=True, slots=True)
class FluxOptions:
    """When the end of a turn is told. ``eager_threshold`` None: not before it is certain;
    ``language`` None: it is detected."""

    threshold: float = DEFAULT_THRESHOLD
    eager_threshold: float | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    """Silence that ends a turn whatever the model says."""
    language: str | None = None


class FluxTurns:
    """Follows one stream. A turn that is too long to be read as one is several parts, read one
    after the other. Memory grows with nothing but the words of a turn."""

    def __init__(self, request_id: str, options: FluxOptions, style: Formatting) -> None:
        self.options = options
        self.n_sent = 0
        """Messages with a number so far."""
        self._request_id = request_id
        self._style = style
        self._language = options.language
        self._now_s = 0.0
        self._n_turns = 0
        self._pause = Pause()
        self._open: int | None = None
        """The part in which somebody speaks, or pauses."""
        self._ended: dict[int, Pause] = {}
        """Parts that are over and not known whole."""
        self._starts_s: dict[int, float] = {}
        """When the parts begin whose text is still to come."""
        self._forced_s: list[float] = []
        """Where the client ended turns, or the audio."""
        self._part: int | None = None
        """The part that is read."""
        self._cut_s: float | None = None
        """Where a part ended that the turn goes on behind."""
        self._begin(0.0)

    def _begin(self, start_s: float) -> None:
        """The next turn; nothing is told of it yet."""
        self._start_s = start_s
        self._words = TurnWords()
        self._is_started = False
        self._eager: str | None = None
        """The text that was told to be probably all."""

    def connected(self) -> Connected:
        """The first message."""
        return Connected(self._request_id, self.number())

    def number(self) -> int:
        """That of the message which is sent next."""
        self.n_sent += 1
        return self.n_sent - 1

    def force(self, at_s: float) -> None:
        """The client wants the turn to end; it is ended for it."""
        self._forced_s.append(at_s)

    def close(self, at_s: float) -> None:
        """There is no more audio."""
        self._forced_s.append(at_s)

    def received(self, now_s: float) -> list[TurnInfo]:
        """So much audio was received."""
        self._now_s = now_s
        is_quiet = self._open is None and not self._ended
        if self._cut_s is None or not is_quiet or now_s - self._cut_s < self.options.timeout_s:
            return []
        return self._over(self._cut_s, "timeout", SURE)  # nothing followed what was too long

    def take(self, effect: Effect) -> list[TurnInfo]:
        """What follows from what became of the stream."""
        match effect:
            case TurnStarted(turn, start_s):
                self._open, self._pause = turn, Pause()
                self._starts_s[turn] = start_s
            case SpeechPaused():
                self._pause.is_pause = True
            case SpeechResumed(turn):
                self._pause = Pause()
                return self._take_back(None) if turn == self._part else []
            case EndOfTurnPredicted(_, probability):
                self._pause.probability = probability
                return self._maybe_eager()
            case TurnEnded(turn, start_s, end_s):
                self._end(turn, start_s, end_s)
            case Update(turn, committed, tentative):
                return self._update(turn, committed, tentative)
            case TurnFinal(turn, _, end_s, words, language):
                self._language = language.code if language else self._language
                return self._final(turn, end_s, words)
            case TurnFailed(turn, _, end_s, words):
                return self._final(turn, end_s, words)
        return []

    def _end(self, turn: int, start_s: float, end_s: float) -> None:
        ended = self._pause if turn == self._open else Pause()
        if end_s in self._forced_s:  # turns before it may be told of later
            self._forced_s.remove(end_s)
            ended.is_manual = True
        self._ended[turn] = ended
        self._starts_s.setdefault(turn, start_s)
        self._open, self._pause = None, Pause()

    def _read(self, turn: int) -> None:
        """The text of a part comes."""
        if turn == self._part:
            return
        start_s = self._starts_s.pop(turn, self._now_s)
        if self._cut_s is None:
            self._begin(start_s)
        self._part, self._cut_s = turn, None

    def _update(
        self, turn: int, committed: Iterable[LiveWord], tentative: tuple[LiveWord, ...]
    ) -> list[TurnInfo]:
        self._read(turn)
        before = self._text()
        self._words.update(committed, tentative)
        text = self._text()
        messages: list[TurnInfo] = []
        if text and not self._is_started:
            self._is_started = True
            messages.append(self._info("StartOfTurn"))
        elif text != before:
            messages += self._take_back(text)
            messages.append(self._info("Update"))
        return messages + self._maybe_eager()

    def _maybe_eager(self) -> list[TurnInfo]:
        """Tell that the turn is probably over, once in a pause and when all of it is read."""
        least = self.options.eager_threshold
        is_pause = self._pause.is_pause and self._open == self._part
        if least is None or not is_pause or self._pause.probability < least:
            return []
        if self._eager is not None or self._words.tentative or not self._is_started:
            return []
        self._eager = self._text()
        return [self._info("EagerEndOfTurn")]

    def _take_back(self, text: str | None) -> list[TurnInfo]:
        """What was told to be probably all is not, unless it is the text."""
        if self._eager is None or self._eager == text:
            return []
        self._eager = None
        return [self._info("TurnResumed")]

    def _final(self, turn: int, end_s: float, words: tuple[LiveWord, ...]) -> list[TurnInfo]:
        """All of a part is known; where it only became too long, the turn goes on."""
        self._read(turn)
        self._words.finish(words)
        self._part = None
        ended = self._ended.pop(turn)
        if ended.is_manual:
            return self._over(end_s, "manual", SURE)
        if not ended.is_pause:
            self._cut_s = end_s
            return []
        if ended.probability >= self.options.threshold:
            return self._over(end_s, "model", ended.probability)
        return self._over(end_s, "timeout", SURE)

    def _over(self, end_s: float, trigger: Trigger, confidence: float) -> list[TurnInfo]:
        """The end of the turn, unless nothing was said in it."""
        messages: list[TurnInfo] = []
        text = self._text()
        if text and not self._is_started:
            messages.append(self._info("StartOfTurn"))
        if text or self._is_started:
            messages += self._take_back(text)
            last = self._info("EndOfTurn")
            language = self._language if self.options.language is None else None
            messages.append(
                msgspec.structs.replace(
                    last,
                    audio_window_end=time(end_s),
                    end_of_turn_confidence=figure(confidence),
                    trigger=trigger,
                    languages=(language,) if language else None,
                )
            )
            self._n_turns += 1
        self._cut_s = None
        self._begin(end_s)
        return messages

    def _written(self) -> tuple[WrittenWord, ...]:
        return formatting.written_words(self._words.all, self._style, self._language)

    def _text(self) -> str:
        return formatting.text(self._written(), self._style)

    def _info(self, event: Event) -> TurnInfo:
        written = self._written()
        return TurnInfo(
            request_id=self._request_id,
            sequence_id=self.number(),
            event=event,
            turn_index=self._n_turns,
            audio_window_start=time(self._start_s),
            audio_window_end=time(max(self._now_s, self._start_s)),
            transcript=formatting.text(written, self._style),
            words=tuple(
                FluxWord(each.text, figure(each.confidence), time(each.start_s), time(each.end_s))
                for each in written
            ),
            end_of_turn_confidence=figure(self._pause.probability),
        )

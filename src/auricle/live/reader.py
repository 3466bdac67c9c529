"""The turns of a stream that are not final: what is read of them next, and what becomes of it.

Knows nothing about samples or speech detection. Turns are read in order, one window at a time, and
one reading counts at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from auricle.live.audio import RecentAudio
from auricle.live.commit import n_plausible
from auricle.live.effects import (
    Effect,
    Final,
    Kind,
    LiveWord,
    ReadRequest,
    ReadResult,
    TurnFailed,
    Update,
)
from auricle.live.language import is_sure
from auricle.live.options import LiveOptions
from auricle.live.ticks import due
from auricle.live.transcript import TurnTranscript
from auricle.live.window import OVERLAP_S, ReadingWindow
from auricle.types import Language

MAX_ATTEMPTS = 3
"""How often the end of a turn may fail to be read before the turn is given up."""

TAIL_S = 0.4
"""Silence behind speech that is read with it, for words that end quietly. In more, models hear what
nobody says."""


class TurnReader:
    """The text of one stream, from hypotheses of its windows."""

    def __init__(self, options: LiveOptions) -> None:
        self.options = options
        self.is_crowded = False
        """See `LiveSession.is_crowded`."""
        self.window = ReadingWindow()
        self._turns: deque[TurnTranscript] = deque()
        """In order: the first is read, only the last may be open."""
        self._n_reads = 0
        self._running: ReadRequest | None = None
        self._known: Language | None = None
        """The language of the turns before."""

    @property
    def open_turn(self) -> TurnTranscript | None:
        return self._turns[-1] if self._turns and self._turns[-1].end_s is None else None

    @property
    def is_idle(self) -> bool:
        """Every turn so far is final."""
        return not self._turns

    @property
    def is_read(self) -> bool:
        """Everything that was said so far was read as well as it can be."""
        return all(turn.is_read for turn in self._turns)

    def unread_s(self, now_s: float) -> float:
        """How much audio of turns was received and not read yet."""
        return sum(turn.unread_s(now_s) for turn in self._turns)

    def begin(self, turn: TurnTranscript) -> None:
        """Another turn has begun."""
        self._turns.append(turn)
        if len(self._turns) == 1:
            self.window.speak(turn.transcribed_s, self.options)

    def forget_open(self, now_s: float) -> None:
        """Drop the turn that is open, with its audio."""
        if self.open_turn is None:
            return
        self._turns.pop()
        if not self._turns:
            self._running = None
            self.window.move_to(now_s)

    def due(self, now_s: float, silence_s: float, interval_s: float) -> Kind | None:
        """What kind of reading to begin now. The end of a turn does not wait for a partial."""
        turn = self.first
        if turn is None:
            return None
        kind = due(turn, self.window.start_s, now_s, silence_s, interval_s, self.options)
        if self._running is None:
            return kind
        is_more = turn.end_s is not None and kind == "final" and self._running.kind == "partial"
        return kind if is_more else None

    def read(self, kind: Kind, audio: RecentAudio) -> ReadRequest:
        """Begin to read the first turn; what was begun before counts no more."""
        turn, window = self._turns[0], self.window
        is_alone = self._is_read_alone(turn)
        start_s = turn.start_s if is_alone else window.start_s
        stop_s = audio.now_s if turn.end_s is None else turn.end_s
        stop_s = min(stop_s, turn.speech_until_s + TAIL_S, start_s + self.options.longest_s)
        if turn.beginning_end_s is not None:
            stop_s = min(stop_s, turn.beginning_end_s)
        turn.begin_reading(stop_s, window.said_s)
        self._n_reads += 1
        self._running = ReadRequest(
            id=self._n_reads,
            turn=turn.turn,
            kind=kind,
            start_s=start_s,
            end_s=stop_s,
            pcm=audio.between(start_s, stop_s),
            prefix=() if is_alone else _ids(window.words),
            draft=_ids(turn.tentative),
            context=window.context,
            language=turn.given_language or (turn.language.code if turn.language else None),
        )
        return self._running

    def answer(self, request_id: int, read: ReadResult) -> list[Effect]:
        """Take what was read; it is dropped if the request counts no more."""
        request = self._finished(request_id)
        if request is None:
            return []
        turn = self._turns[0]
        said = ReadResult(read.words[: n_plausible(read.words, request.end_s)], read.language)
        before = turn.tentative
        if turn.beginning_end_s is not None:
            is_other = turn.is_other_beginning(said)
            return self._begin_another_language(turn, said) if is_other else []
        if turn.is_read_otherwise(said, request):
            return []
        if self._is_read_alone(turn):
            turn.decide_language(read, request, self._known)
            if turn.language is not None and turn.language.code != self._known_code:
                self.window.begin_anew(turn.start_s)
            elif turn.language is not None and request.kind == "final":
                return []  # read again, with the words before it
        elif self.window.words and turn.misses_speech(said, request.end_s):
            self.window.begin_anew(max(turn.speech_start_s - self.options.lead_s, turn.committed_s))
            return []
        elif turn.misses_end(said, request):
            return self._begin_another_language(turn, said)
        new = turn.take(read, request, self.options, self._known)
        self.window.add(new)
        self.window.trim(request.end_s, turn.tentative, self.options, is_crowded=self.is_crowded)
        is_changed = bool(new) or _texts(turn.tentative) != _texts(before)
        return [Update(turn.turn, new, turn.tentative)] if is_changed else []

    def _begin_another_language(self, turn: TurnTranscript, read: ReadResult) -> list[Effect]:
        """Detect the language of what is said behind the words that were read: another, if it is
        surely one."""
        self._known = turn.language or self._known
        new = turn.stop(read)
        self.window.add(new)
        lead_s = self.options.lead_s
        self.window.begin_anew(max(turn.transcribed_s, turn.untranscribed_from_s - lead_s))
        return [Update(turn.turn, new, ())]

    def fail(self, request_id: int, reason: str) -> list[Effect]:
        """The request could not be read. The end of a turn is read again, up to a limit."""
        if self._finished(request_id) is None:
            return []
        turn = self._turns[0]
        if turn.end_s is None:
            return []
        turn.n_failures += 1
        if turn.n_failures < MAX_ATTEMPTS:
            return []
        effects = self._leave(turn)
        words = tuple(turn.committed)
        effects.append(TurnFailed(turn.turn, turn.start_s, turn.end_s, words, reason))
        return effects

    def settle(self, now_s: float, silence_s: float) -> list[Effect]:
        """What time brings: turns that are final, and in a pause words that need not wait for the
        end of their turn."""
        effects: list[Effect] = []
        while (turn := self.first) and turn.is_read and self._is_over(turn, silence_s):
            turn.settle_language(self._known)
            if turn.end_s is None or not turn.is_read:
                break
            effects += self._leave(turn)
            words = tuple(turn.committed)
            language = turn.language if words else None
            effects.append(Final(turn.turn, turn.start_s, turn.end_s, words, language))
        if turn is None or turn.is_read:
            if turn is not None and self._is_over(turn, silence_s):
                effects += self._commit_rest(turn)
            if silence_s > self.options.carried_gap_s:
                self.window.move_to(now_s - OVERLAP_S)
        return effects

    def _is_over(self, turn: TurnTranscript, silence_s: float) -> bool:
        """Whether what was said in it so far will not change by what is said next."""
        return turn.end_s is not None or silence_s >= self.options.rule.border_s

    @property
    def first(self) -> TurnTranscript | None:
        return self._turns[0] if self._turns else None

    def _is_read_alone(self, turn: TurnTranscript) -> bool:
        """Whether words of the turn before must not be in its window: they would be in the language
        that is heard."""
        return bool(self.window.words) and not turn.has_language

    @property
    def _known_code(self) -> str | None:
        return self._known.code if self._known else None

    def _leave(self, turn: TurnTranscript) -> list[Effect]:
        """Nothing more will be read of the first turn; the one behind it is read next."""
        effects = self._commit_rest(turn)
        self._turns.popleft()
        if turn.language is not None and is_sure(turn.language):
            self._known = turn.language
        if following := self.first:
            self.window.speak(following.transcribed_s, self.options)
        return effects

    def _commit_rest(self, turn: TurnTranscript) -> list[Effect]:
        if not turn.tentative:
            return []
        new = turn.commit_rest()
        self.window.add(new)
        return [Update(turn.turn, new, ())]

    def _finished(self, request_id: int) -> ReadRequest | None:
        """The running request, if this is it; it runs no more."""
        request = self._running
        if request is None or request.id != request_id:
            return None
        self._running = None
        return request


def waited_s(turn: TurnTranscript | None, now_s: float) -> float:
    """How long ago the first word ended that is not committed; where none is known, up to where
    everything was read."""
    if turn is None:
        return 0.0
    return now_s - (turn.tentative[0].end_s if turn.tentative else turn.transcribed_s)


def _ids(words: Iterable[LiveWord]) -> tuple[int, ...]:
    return tuple(token.id for word in words for token in word.tokens)


def _texts(words: Iterable[LiveWord]) -> list[str]:
    return [word.text for word in words]

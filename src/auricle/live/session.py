"""One live stream: audio and what was read of it in, effects out.

No I/O and no clock: time is samples received. Knows nothing about sockets, engines or dialects.

Whoever drives a session pushes audio with its speech probabilities, calls `next_read` once
`ReadWanted` was among the effects and an engine is free, and hands the hypothesis to `answer`. One
reading counts at a time, and its audio is taken when it begins: a busy engine means fewer updates,
never late ones. Turns become final in order. What a session keeps does not grow with its stream as
long as ``unread_s`` does not: a driver that cannot keep up stops receiving.

Why it is so: docs/decisions.md, Live streams.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from auricle.live.audio import RecentAudio
from auricle.live.effects import (
    Effect,
    EndOfTurnPredicted,
    Forgotten,
    Kind,
    ReadRequest,
    ReadResult,
    ReadWanted,
    SpeechPaused,
    SpeechResumed,
    TurnEnded,
    TurnStarted,
)
from auricle.live.options import LiveOptions
from auricle.live.reader import TurnReader, waited_s
from auricle.live.transcript import TurnTranscript
from auricle.live.turns import RECENT_S, Ended, Paused, Started, TurnDetector, TurnEvent
from auricle.types import Pcm

END_OF_TURN_AUDIO_S = 8.0
"""The audio before now that is kept for the end-of-turn model."""


class LiveSession:
    """Follows one stream. The methods are for one thread at a time."""

    def __init__(self, options: LiveOptions) -> None:
        self.options = options
        self.interval_s = options.interval_s
        """The driver makes it longer when more streams are active than engines can follow."""
        self._audio = RecentAudio()
        self._detector = TurnDetector(options.turns)
        self._reader = TurnReader(options)
        self._n_turns = 0
        self._last_end_s = 0.0
        self._next_options: LiveOptions | None = None
        """What holds from the next turn on."""
        self._announced: Kind | None = None
        """The reading that was said to be wanted and was not begun yet."""

    @property
    def now_s(self) -> float:
        """How much audio was received."""
        return self._audio.now_s

    @property
    def is_crowded(self) -> bool:
        """Whether more people speak than can be read one by one, as the driver says: then less is
        read at a time."""
        return self._reader.is_crowded

    @is_crowded.setter
    def is_crowded(self, is_crowded: bool) -> None:
        self._reader.is_crowded = is_crowded

    @property
    def silence_s(self) -> float:
        """For how long nobody has spoken."""
        return self._detector.silence_s

    @property
    def unread_s(self) -> float:
        """How much audio of turns was received and not read yet."""
        return self._reader.unread_s(self.now_s)

    def overdue_s(self) -> float:
        """How long ago the first word was said that is not committed, as far as is known."""
        return waited_s(self._reader.first, self.now_s)

    @property
    def is_idle(self) -> bool:
        """Every turn so far is final."""
        return self._reader.is_idle

    @property
    def is_read(self) -> bool:
        """Everything that was said so far was read as well as it can be."""
        return self._reader.is_read

    def recent(self, seconds: float) -> Pcm:
        """The last audio, at most `END_OF_TURN_AUDIO_S` of it where a model ends turns."""
        return self._audio.between(self.now_s - seconds, self.now_s)

    def configure(self, options: LiveOptions) -> None:
        """Go on with other options from the next turn on. What ends turns changes at once: nobody
        might be left to end the one that is open."""
        if options.turns.ending != self.options.turns.ending:
            self._set_options(replace(self.options, turns=options.turns))
        self._next_options = options
        self._take_options()

    def push(self, pcm: Pcm, probabilities: Sequence[float]) -> list[Effect]:
        """Take audio, and how probable speech is in each 512 samples of it, which may lag."""
        self._audio.append(pcm)
        turn = self._reader.open_turn
        events = self._detector.push(probabilities, turn.committed_s if turn else 0.0)
        return self._settled(self._follow(events))

    def take_end_probability(self, end_probability: float) -> list[Effect]:
        """Take how probable it is that the speaker has finished."""
        turn = self._reader.open_turn
        effects: list[Effect] = []
        if turn is not None:
            effects.append(EndOfTurnPredicted(turn.turn, end_probability))
        events = self._detector.take_end_probability(end_probability)
        return self._settled(effects + self._follow(events))

    def commit(self) -> list[Effect]:
        """End the turn here, because the client says so; where nobody spoke, it is an empty one."""
        turn = self._reader.open_turn
        if turn is None:
            turn = self._begin(self._last_end_s, self.now_s)
            turn.is_speaking, turn.is_read = False, True
        self._detector.end()
        return self._settled([self._end(turn, self.now_s)])

    def finish(self) -> list[Effect]:
        """The stream is over: end the turn that is open, if any."""
        turn = self._reader.open_turn
        self._detector.end()
        return self._settled([self._end(turn, self.now_s)] if turn else [])

    def clear(self) -> list[Effect]:
        """Forget the turn that is open, with its audio."""
        turn = self._reader.open_turn
        self._reader.forget_open(self.now_s)
        self._detector.end()
        self._last_end_s = self.now_s
        self._announced = self._due()
        return [Forgotten(turn.turn if turn else None)]

    def next_read(self) -> ReadRequest | None:
        """Begin to read what is due, if anything; what was begun before counts no more."""
        kind = self._due()
        self._announced = None
        return self._reader.read(kind, self._audio) if kind else None

    def answer(self, request_id: int, read: ReadResult) -> list[Effect]:
        """Take what was read; it is dropped if the request counts no more."""
        return self._settled(self._reader.answer(request_id, read))

    def fail(self, request_id: int, reason: str) -> list[Effect]:
        """The request could not be read. The end of a turn is read again, up to a limit."""
        return self._settled(self._reader.fail(request_id, reason))

    def _follow(self, events: Iterable[TurnEvent]) -> list[Effect]:
        """What the detector heard, as it concerns the turns."""
        effects: list[Effect] = []
        for event in events:
            if isinstance(event, Started):
                is_manual = self.options.turns.ending == "manual"
                start_s = self._last_end_s if is_manual else event.start_s
                effects.append(TurnStarted(self._begin(start_s, event.start_s).turn, start_s))
                continue
            turn = self._reader.open_turn
            assert turn is not None
            if isinstance(event, Ended):
                turn.ends_mid_speech = turn.is_speaking
                effects.append(self._end(turn, event.end_s))
            elif isinstance(event, Paused):
                turn.is_speaking, turn.speech_end_s = False, event.speech_end_s
                effects.append(SpeechPaused(turn.turn, event.speech_end_s))
            else:
                turn.is_speaking, turn.is_read = True, False
                turn.past_speech.append((turn.speech_start_s, turn.speech_end_s))
                turn.speech_start_s = event.start_s
                effects.append(SpeechResumed(turn.turn))
        return effects

    def _begin(self, start_s: float, speech_start_s: float) -> TurnTranscript:
        """A turn from ``start_s`` on, in which somebody is heard from ``speech_start_s`` on."""
        self._n_turns += 1
        given = self.options.language
        turn = TurnTranscript(
            self._n_turns, start_s, speech_start_s, speech_start_s, given_language=given
        )
        self._reader.begin(turn)
        return turn

    def _end(self, turn: TurnTranscript, end_s: float) -> Effect:
        turn.end_s = self._last_end_s = end_s
        return TurnEnded(turn.turn, turn.start_s, end_s)

    def _settled(self, effects: list[Effect]) -> list[Effect]:
        """``effects`` and what follows from them."""
        effects += self._reader.settle(self.now_s, self.silence_s)
        self._take_options()
        self._forget_audio()
        kind = self._due()
        if kind is not None and kind != self._announced:
            self._announced = kind
            effects.append(ReadWanted(kind))
        return effects

    def _due(self) -> Kind | None:
        return self._reader.due(self.now_s, self.silence_s, self.interval_s)

    def _take_options(self) -> None:
        if self._next_options is not None and self._reader.open_turn is None:
            options, self._next_options = self._next_options, None
            self._set_options(options)

    def _set_options(self, options: LiveOptions) -> None:
        self.options = self._reader.options = options
        self._detector.configure(options.turns)

    def _forget_audio(self) -> None:
        """Drop what no window, no turn and no end-of-turn model will need."""
        turns = self.options.turns
        kept_s = RECENT_S + turns.prefix_padding_s + self.options.lead_s
        if turns.ending == "semantic":
            kept_s = max(kept_s, END_OF_TURN_AUDIO_S)
        self._audio.drop_before(min(self.now_s - kept_s, self._reader.window.start_s))

"""When somebody begins to speak, pauses and ends a turn, from the probability of speech in frames.

Knows nothing about audio or text: probabilities and decisions in, events out; time is frames.

Why it is so: docs/decisions.md, Live streams.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from auricle.speech.vad import FRAME
from auricle.types import SAMPLE_RATE

HYSTERESIS = 0.15
"""Speech goes on until the probability is this much below the threshold it began at."""

BELIEVED_FRAMES = 3
RECENT_FRAMES = 16
RECENT_S = RECENT_FRAMES * FRAME / SAMPLE_RATE
"""Speech is believed once 3 frames of it lie within half a second: a click is no speech."""

PAUSE_S = 0.16
"""Nobody speaking for so long is a pause; less is a stop within a word."""

SHORTEST_CUT_S = 0.1
"""The shortest pause that ends a turn which has nearly reached its greatest length."""

SEARCH_S = 8.0
"""Where no pause ended a turn of the greatest length, its end is searched for a place to cut."""

Ending = Literal["silence", "manual", "semantic"]
"""What ends a turn: silence, the client alone, or a model that knows if the speaker is done."""


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """How turns are told apart; the names of OpenAI's ``turn_detection`` where it has one."""

    ending: Ending = "silence"
    threshold: float = 0.5
    prefix_padding_s: float = 0.3
    """Audio before speech that belongs to the turn."""
    silence_s: float = 0.5
    """Silence that ends a turn."""
    max_wait_s: float = 4.0
    """``semantic``: silence that ends a turn whatever the model says."""
    end_probability: float = 0.5
    """``semantic``: how sure the model must be that the speaker is done."""
    longest_s: float = 30.0
    """A longer turn is cut at a pause; without any, where speech is least probable."""


@dataclass(frozen=True, slots=True)
class Started:
    """A turn began at ``start_s``; somebody was heard a little later."""

    start_s: float


@dataclass(frozen=True, slots=True)
class Paused:
    """Nobody has spoken since ``speech_end_s``; the turn may be over."""

    speech_end_s: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """The speaker goes on after a pause, at ``start_s``."""

    start_s: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The turn is over, up to ``end_s``."""

    end_s: float


TurnEvent: TypeAlias = Started | Paused | Resumed | Ended


class TurnDetector:
    """Follows one stream. Memory does not grow with it."""

    def __init__(self, options: TurnOptions) -> None:
        self.configure(options)
        self._is_on = False
        self._recent: deque[int] = deque(maxlen=BELIEVED_FRAMES)
        self._n_frames = 0
        self._start: int | None = None
        """First frame of the turn; None outside one."""
        self._speech_end = 0
        """Behind the last frame of speech."""
        self._last_end = 0
        self._is_paused = False
        self._probabilities: deque[float] = deque(maxlen=_frames(SEARCH_S))

    def configure(self, options: TurnOptions) -> None:
        """Tell turns apart by other options from here on."""
        self.options = options
        self._off_below = max(options.threshold - HYSTERESIS, options.threshold / 2)

    @property
    def is_open(self) -> bool:
        return self._start is not None

    @property
    def is_speaking(self) -> bool:
        return self._start is not None and not self._is_paused

    @property
    def speech_end_s(self) -> float:
        """Where the last speech ended; now, while somebody speaks."""
        return _seconds(self._speech_end)

    @property
    def silence_s(self) -> float:
        """For how long nobody has spoken."""
        return _seconds(self._n_frames - self._speech_end)

    def push(self, probabilities: Sequence[float], committed_s: float) -> list[TurnEvent]:
        """Take the next frames. A turn is never cut before ``committed_s``, up to which its words
        cannot change any more."""
        events: list[TurnEvent] = []
        for probability in probabilities:
            events += self._advance(probability, _frames(committed_s))
        return events

    def take_end_probability(self, end_probability: float) -> list[TurnEvent]:
        """Take how probable it is that the speaker is done; it counts while nobody speaks."""
        is_asked = self.options.ending == "semantic" and self.is_open and self._is_paused
        if is_asked and end_probability >= self.options.end_probability:
            return [self._end(self._n_frames)]
        return []

    def end(self) -> None:
        """End the turn here, because the client says so or the stream is over. What was heard up to
        here does not belong to another."""
        self._end(self._n_frames)

    def _advance(self, probability: float, committed: int) -> list[TurnEvent]:
        frame = self._n_frames
        self._n_frames += 1
        self._probabilities.append(probability)
        self._is_on = probability >= (self._off_below if self._is_on else self.options.threshold)
        if self._is_on:
            self._recent.append(frame)
        is_speech = self._is_on and (self.is_speaking or self._is_believed(frame))
        events: list[TurnEvent] = []
        if is_speech:
            events += self._take_frame()
            self._speech_end = self._n_frames
        elif self.is_speaking and self.silence_s >= PAUSE_S:
            self._is_paused = True
            events.append(Paused(self.speech_end_s))
        if self.is_open:
            events += self._limited(committed)
        return events

    def _is_believed(self, frame: int) -> bool:
        is_full = len(self._recent) == BELIEVED_FRAMES
        return is_full and self._recent[0] > frame - RECENT_FRAMES

    def _take_frame(self) -> list[TurnEvent]:
        """Somebody speaks."""
        if self._start is None:
            padded = self._recent[0] - _frames(self.options.prefix_padding_s)
            self._start, self._is_paused = max(padded, self._last_end), False
            return [Started(_seconds(self._start))]
        if self._is_paused:
            self._is_paused = False
            first = next(frame for frame in self._recent if frame >= self._speech_end)
            return [Resumed(_seconds(first))]
        return []

    def _limited(self, committed: int) -> list[TurnEvent]:
        """The end of a turn: enough silence, or too great a length."""
        assert self._start is not None
        length = self._n_frames - self._start
        is_longest = length >= _frames(self.options.longest_s)
        if self._is_paused and (is_longest or self.silence_s >= self._silence_needed_s(length)):
            return [self._end(self._n_frames)]
        return self._cut(committed) if is_longest else []

    def _silence_needed_s(self, length: int) -> float:
        """What ends the turn; in the last third of its greatest length, less and less."""
        options = self.options
        if options.ending == "manual":
            return float("inf")
        needed_s = options.silence_s if options.ending == "silence" else options.max_wait_s
        share_left = 3 * (1 - _seconds(length) / options.longest_s)
        return max(SHORTEST_CUT_S, needed_s * min(1.0, share_left))

    def _cut(self, least: int) -> list[TurnEvent]:
        """End the turn where speech is least probable, ``least`` or later, and begin another."""
        first = self._n_frames - len(self._probabilities)
        frames = range(max(first, min(least, self._n_frames - 1)), self._n_frames)
        stop = min(frames, key=lambda frame: self._probabilities[frame - first])
        ended = self._end(stop)
        self._start, self._is_paused = stop, False
        return [ended, Started(_seconds(stop))]

    def _end(self, stop: int) -> Ended:
        self._start, self._last_end = None, stop
        self._recent.clear()
        return Ended(_seconds(stop))


def _frames(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE / FRAME + 1e-6)


def _seconds(n_frames: int) -> float:
    return n_frames * FRAME / SAMPLE_RATE

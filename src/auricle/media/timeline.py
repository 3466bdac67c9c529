"""Frames at the places in the recording where the container's clock puts them.

Knows nothing about containers: a frame comes with its time, which may be missing or wrong.

Where the clock jumps ahead, packets are missing or the recorder paused: the time in between becomes
silence, so that what a player shows at 5.0 s is at 5.0 s. Where it jumps back, another recording
was appended, and where it jumps by more than can be true, the file is damaged: the audio then just
goes on. No jump is believed before the clock has gone on from there for a moment, because one wrong
time stamp is damage, too. Audio is never dropped.

Why it is so: docs/decisions.md, Media.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from av.audio.frame import AudioFrame

TOLERANCE_S = 0.1
"""Less than this is rounding, and jitter of recorders that date packets by the wall clock."""

BELIEVED_AFTER_S = 0.5


@dataclass(frozen=True, slots=True)
class Silence:
    """So much time without audio."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class Clock:
    """What is known about the times of a container, which begin at 0."""

    max_jump_s: float
    """The longest jump that can be true, where nothing else is known."""
    end_s: float | None = None
    """When the recording ends by its header."""


@dataclass(slots=True)
class Timeline:
    """One recording, from its beginning to its end."""

    max_s: float
    """No jump may lead beyond this."""
    next_s: float = 0.0
    """Where the next sample belongs."""
    unlikely_at_s: float | None = None
    """Where the clock first jumped ahead by more than can be true."""
    _clock: Clock = field(default=Clock(0.0))
    _base_s: float = 0.0
    """What to add to the container's time."""
    _jump_s: float = 0.0
    """How far the clock has jumped before the frames that are held."""
    _held: list[AudioFrame] = field(default_factory=list)
    _held_s: float = 0.0

    def begin(self, clock: Clock) -> None:
        """What follows has a clock of its own, which begins at 0."""
        self._clock = clock
        self._base_s = self.next_s

    def place(self, frame: AudioFrame, time_s: float | None) -> Iterator[AudioFrame | Silence]:
        """Take the next frame, and the container's time of it if it has one; give what is known to
        belong next."""
        ahead_s = self._jump_s
        if time_s is not None:
            ahead_s = self._base_s + time_s - (self.next_s + self._held_s)
        if self._held and abs(ahead_s - self._jump_s) > TOLERANCE_S:
            yield from self._pass_on()  # they were misdated: the clock did not go on from there
        if not self._held and abs(ahead_s) <= TOLERANCE_S:
            self.next_s += duration_s(frame)
            yield frame
            return
        if not self._held:
            self._jump_s = ahead_s
        self._held.append(frame)
        self._held_s += duration_s(frame)
        if self._held_s >= BELIEVED_AFTER_S and len(self._held) > 1:
            yield from self._jump()

    def finish(self) -> Iterator[AudioFrame | Silence]:
        """Nothing follows, or something with a clock of its own."""
        if len(self._held) > 1:
            yield from self._jump()
        yield from self._pass_on()

    def _jump(self) -> Iterator[AudioFrame | Silence]:
        """Believe the clock."""
        jump_s, self._jump_s = self._jump_s, 0.0
        if 0 < jump_s <= self._likely_s():
            self.next_s += jump_s
            yield Silence(jump_s)
        else:
            if jump_s > 0 and self.unlikely_at_s is None:
                self.unlikely_at_s = self.next_s
            self._base_s -= jump_s
        yield from self._pass_on()

    def _likely_s(self) -> float:
        """The longest jump that can be true here."""
        longest_s = self._clock.max_jump_s
        if self._clock.end_s is not None:
            left_s = self._base_s + self._clock.end_s - self.next_s
            if left_s > 0:  # else the header is wrong
                longest_s = left_s
        return min(longest_s, self.max_s - self.next_s)

    def _pass_on(self) -> Iterator[AudioFrame]:
        held, self._held = self._held, []
        self.next_s += self._held_s
        self._held_s = self._jump_s = 0.0
        yield from held


def duration_s(frame: AudioFrame) -> float:
    return frame.samples / frame.sample_rate

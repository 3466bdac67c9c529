"""What live streams of a model share, and how they are read beside each other.

Knows nothing about sessions or how streams are driven.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from auricle.live.effects import Kind
from auricle.live.end_of_turn import EndOfTurnModel
from auricle.live.load import LiveLoad
from auricle.live.places import ReadingPlaces
from auricle.live.recognition import (
    CROWDED_FRAMES_STEP,
    FRAMES_STEP,
    MIXED_FRAMES_STEP,
    ReadMode,
)
from auricle.live.vad import SpeechState
from auricle.reading.model import ReadingModel
from auricle.types import DecodeOptions, Pcm

STALL_S = 60.0
"""How long `send` waits for room."""

RETRY_S = 1.0
"""After how long a reading that failed counts as failed: what is wrong will not be right at
once."""

Vad = Callable[[Pcm, SpeechState], Awaitable[tuple[list[float], SpeechState]]]
"""See `BatchedVad.probabilities`."""

Possible = Callable[[DecodeOptions], DecodeOptions]
"""The options with their language filled in where it is certain. Raises `InvalidRequest`."""


@dataclass(frozen=True, slots=True)
class LiveBackend:
    """What all streams of a model share."""

    vad: Vad
    load: LiveLoad
    """Of the streams of all models."""
    places: ReadingPlaces
    model: ReadingModel
    possible: Possible
    end_of_turn: EndOfTurnModel
    stall_s: float = STALL_S
    retry_s: float = RETRY_S

    @property
    def n_places(self) -> int:
        """How many streams are read at a time: one more for every two workers, so that there is
        always a next job."""
        n_workers = self.model.queue.n_workers
        return n_workers + (n_workers + 1) // 2

    def have_read(
        self,
        stream: Hashable,
        begin: Callable[[], None],
        overdue_s: Callable[[], float],
        kind: Kind,
    ) -> None:
        """Have a stream begin what is due: what is over at once, what goes on when there is a place
        for it."""
        if kind == "partial":
            self.places.ask(stream, begin, overdue_s, self.n_places)
        else:
            self.places.forget(stream)
            begin()

    @property
    def is_crowded(self) -> bool:
        """Whether more people speak than are read at a time."""
        return self.load.is_crowded(self.model.queue.n_workers)

    @property
    def read_mode(self) -> ReadMode:
        """How windows are read now, by how many people speak."""
        n_workers = self.model.queue.n_workers
        step = FRAMES_STEP
        if self.is_crowded:
            mixes = self.model.queue.mixes_prompts
            step = MIXED_FRAMES_STEP if mixes else CROWDED_FRAMES_STEP
        return ReadMode(step, self.load.is_hurried(n_workers))

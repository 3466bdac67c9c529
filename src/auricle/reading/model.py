"""A model that reads: its queue, and what must be known of its checkpoint.

Knows nothing about how it was loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from auricle.queue.queue import Queue
from auricle.reading import encoder_length
from auricle.reading.fallback import OPENAI_WHISPER, FallbackThresholds
from auricle.telemetry.observe import NULL_OBSERVER, Observer
from auricle.types import DecodeOptions, Window
from auricle.whisper.dimensions import MAX_FRAMES
from auricle.whisper.vocabulary import Vocabulary


@dataclass(slots=True)
class ReadAgain:
    """How often less than the full encoder length did not do. A metric: nothing is decided by
    it."""

    n_short: int = 0
    n_again: int = 0

    @property
    def share(self) -> float:
        return self.n_again / self.n_short if self.n_short else 0.0


@dataclass(frozen=True, slots=True)
class ReadingModel:
    """What a `Reader` reads with."""

    queue: Queue
    vocabulary: Vocabulary
    margin_s: float
    """Silence it needs behind the audio."""
    late_s: float | None = None
    """How late its attention is at words; None: nobody measured it."""
    thresholds: FallbackThresholds = OPENAI_WHISPER
    read_again: ReadAgain = field(default_factory=ReadAgain)
    observer: Observer = NULL_OBSERVER

    def n_frames(self, window: Window, options: DecodeOptions) -> int:
        """The encoder length a window is read with first."""
        if options.audio_context == "full":
            return MAX_FRAMES
        return encoder_length.n_frames(window.duration_s, self.margin_s)

"""What passes between the server and the process that tells voices apart.

Knows nothing about how either side works.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from auricle.rpc.wire import Failure
from auricle.speakers.clustering import Bounds
from auricle.speakers.diarization import EmbeddedStretches, Voices
from auricle.speakers.embedding import DIMENSIONS
from auricle.speakers.turns import Turn

MAX_FEED_S = 60.0
"""Audio in one message; a frame of the protocol holds four minutes."""


class Load(msgspec.Struct, frozen=True, tag=True):
    """Read the networks from a folder. Comes before anything but `Ping`."""

    path: str


class Feed(msgspec.Struct, frozen=True, tag=True):
    """The next samples of a recording, which the first of them begins."""

    recording: int
    pcm: bytes
    """``(n_samples,) float32`` little-endian, 16 kHz mono, at most `MAX_FEED_S`."""


class Finish(msgspec.Struct, frozen=True, tag=True):
    """A recording is whole: answered with `Found`, and forgotten."""

    recording: int
    at_least: int = 1
    at_most: int | None = None

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.at_least, self.at_most)


class Forget(msgspec.Struct, frozen=True, tag=True):
    """Nobody will ask about a recording any more."""

    recording: int


class Listen(msgspec.Struct, frozen=True, tag=True):
    """Who speaks in a piece of audio of its own, for live use: answered with `Stretches`."""

    pcm: bytes
    """As in `Feed`."""


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Ask whether the process is running at all; answered at once, however busy it is."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Load`, `Feed`, `Forget` and `Ping`."""


class Found(msgspec.Struct, frozen=True, tag=True):
    """Who spoke when in a recording, and what they sound like."""

    turns: tuple[Turn, ...]
    embeddings: tuple[bytes, ...]
    """One for each speaker: ``(192,) float32`` little-endian, of length 1."""
    range_db: float
    apart: tuple[bytes, ...] | None = None

    @classmethod
    def of(cls, voices: Voices) -> Found:
        embeddings = tuple(_packed(each) for each in voices.embeddings)
        apart = None if voices.apart is None else tuple(_packed(each) for each in voices.apart)
        return cls(voices.turns, embeddings, voices.range_db, apart)

    @property
    def voices(self) -> Voices:
        apart = None if self.apart is None else _unpacked(self.apart)
        return Voices(self.turns, _unpacked(self.embeddings), self.range_db, apart)


class Stretches(msgspec.Struct, frozen=True, tag=True):
    """Where in a piece of audio somebody speaks, by seconds from its start, with embeddings."""

    times_s: tuple[tuple[float, float], ...]
    embeddings: tuple[bytes, ...]

    @classmethod
    def of(cls, found: EmbeddedStretches) -> Stretches:
        return cls(found.times_s, tuple(_packed(each) for each in found.embeddings))

    @property
    def stretches(self) -> EmbeddedStretches:
        return EmbeddedStretches(self.times_s, _unpacked(self.embeddings))


SpeakersRequest = Load | Feed | Finish | Forget | Listen | Ping
SpeakersReply = Done | Found | Stretches | Failure


def _packed(embedding: NDArray[np.float32]) -> bytes:
    return embedding.astype("<f4", copy=False).tobytes()


def _unpacked(embeddings: tuple[bytes, ...]) -> NDArray[np.float32]:
    rows = [np.frombuffer(each, "<f4") for each in embeddings]
    return np.array(rows, np.float32).reshape(len(rows), DIMENSIONS)

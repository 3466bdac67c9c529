"""Who spoke when in a recording: audio in, in pieces of any size; turns out at its end.

Knows nothing about files, words or names. Of the audio only the last seconds are kept; what grows
with the recording is an embedding for every stretch of at most 3 s, about a megabyte an hour.

Why it is so: docs/decisions.md, Speakers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelUnusable
from auricle.models.pytorch import read_tensors
from auricle.speakers import channel, features
from auricle.speakers.activity import STEP_FRAMES, Timeline
from auricle.speakers.clustering import Bounds, cluster
from auricle.speakers.embedding import DIMENSIONS, Embedding, EmbedsVoices, MakeEmbedding
from auricle.speakers.lstm import Lstm, MakeLstm
from auricle.speakers.segmentation import CHUNK, FIRST_CENTRE, HOP, Segmentation
from auricle.speakers.stretches import Overlap, Stretch, runs
from auricle.speakers.turns import Turn
from auricle.types import SAMPLE_RATE, Pcm

SEGMENTATION_FILE = "pytorch_model.bin"
EMBEDDING_FILE = "campplus_cn_en_common.pt"

BATCH = 16
"""Chunks segmented at a time: 40 s of audio."""

AT_ONCE = 32
"""Stretches embedded at a time."""

_STEP = STEP_FRAMES * HOP
_MIN_FRAMES = 12
"""Filterbank frames an embedding needs at least."""
_NEXT_TO_NOTHING_S = 0.01
"""The weight of a stretch in which nobody is ever alone."""


@dataclass(frozen=True, slots=True)
class Voices:
    """Who spoke when, and what they sound like."""

    turns: tuple[Turn, ...]
    """By start, then by speaker."""
    embeddings: NDArray[np.float32]
    """``(n_speakers, 192)``, each of length 1."""
    range_db: float = math.inf
    """By how much loud speech is above quiet speech, or above the noise."""
    apart: NDArray[np.float32] | None = None
    """The same as ``embeddings``, of the voices without an upper bound; None: there was none."""


@dataclass(frozen=True, slots=True)
class EmbeddedStretches:
    """Stretches of one voice each in a piece of audio."""

    times_s: tuple[tuple[float, float], ...]
    """``(start_s, end_s)`` from its start, in order."""
    embeddings: NDArray[np.float32]
    """``(n_stretches, 192)``, each of length 1."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The two networks; immutable, for any number of recordings and threads."""

    segmentation: Segmentation
    embedding: EmbedsVoices

    @classmethod
    def load(
        cls,
        folder: Path,
        make_lstm: MakeLstm = Lstm,
        make_embedding: MakeEmbedding = Embedding,
    ) -> Networks:
        """Read both checkpoints of a folder; what runs the costliest parts may be another library
        than numpy. Raises ModelUnusable, which names the file."""
        try:  # one after the other, as each takes several times its size while it is made
            segmentation = Segmentation(read_tensors(folder / SEGMENTATION_FILE), make_lstm)
            return cls(segmentation, make_embedding(read_tensors(folder / EMBEDDING_FILE)))
        except (KeyError, ValueError, IndexError) as exc:
            raise ModelUnusable(f"{folder} does not hold the speaker networks: {exc}") from exc


class Diarization:
    """One recording. ``feed`` it in order, then ``finish`` it."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._timeline = Timeline()
        self._stretches: list[Stretch] = []
        self._waiting: list[NDArray[np.float32]] = []  # filterbanks of the last of them
        self._embeddings: list[NDArray[np.float32]] = []
        self._channel = channel.Channel()
        self._pcm: Pcm = np.zeros(0, np.float32)
        self._kept_from = 0  # the sample at which ``_pcm`` starts
        self._next_chunk = 0  # the sample at which the next chunk starts
        self._n_samples = 0

    def feed(self, pcm: Pcm) -> None:
        """The next samples of the recording."""
        self._pcm = np.concatenate([self._pcm, pcm])
        self._n_samples += len(pcm)
        while self._next_chunk + CHUNK + (BATCH - 1) * _STEP <= self._n_samples:
            self._segment(BATCH)

    def finish(self, bounds: Bounds | None = None) -> Voices:
        """The recording has ended: all turns, with as many voices as ``bounds`` allow."""
        end = self._n_samples
        seen_to = self._next_chunk + CHUNK - _STEP
        n_left = max(-(-(end - seen_to) // _STEP), int(self._next_chunk == 0 < end))
        missing = self._next_chunk + CHUNK + (n_left - 1) * _STEP - end
        self._pcm = np.concatenate([self._pcm, np.zeros(max(0, missing), np.float32)])
        for first in range(0, n_left, BATCH):
            self._segment(min(n_left - first, BATCH))
        n_frames = max(0, -(-(end - FIRST_CENTRE + HOP // 2) // HOP))
        self._take(list(self._timeline.finish(n_frames)))
        self._embed()
        return self._voices(n_frames, bounds)

    def stretches(self) -> EmbeddedStretches:
        """The stretches, once `finish` was called."""
        times = [(_time_s(each.start), _time_s(each.end)) for each in self._stretches]
        return EmbeddedStretches(tuple(times), self._centred())

    def _segment(self, n_chunks: int) -> None:
        first = self._next_chunk - self._kept_from
        pcm = self._pcm[first : first + CHUNK + (n_chunks - 1) * _STEP]
        for found in self._networks.segmentation.log_probabilities(pcm, _STEP):
            self._take(list(self._timeline.add(self._next_chunk // HOP, found)))
            self._next_chunk += _STEP
        self._forget()

    def _forget(self) -> None:
        """Let go of audio that neither a chunk nor a stretch will need."""
        needed = min(self._next_chunk, _sample(self._timeline.pending) - features.FRAME)
        n = max(0, needed - self._kept_from)
        self._pcm = self._pcm[n:].copy()
        self._kept_from += n

    def _take(self, stretches: Sequence[Stretch]) -> None:
        for stretch in stretches:
            first = max(0, _sample(stretch.start) - self._kept_from)
            last = _sample(stretch.end) - self._kept_from
            least = features.FRAME + _MIN_FRAMES * features.HOP
            first = max(0, min(first, len(self._pcm) - least))
            mel = features.fbank(self._pcm[first : max(last, first + least)])
            alone = _alone(stretch, self._kept_from + first, len(mel))
            mel = mel[alone] if alone.sum() >= _MIN_FRAMES else mel
            self._channel.add(mel)
            self._stretches.append(stretch)
            self._waiting.append(mel)
            if len(self._waiting) == AT_ONCE:
                self._embed()

    def _embed(self) -> None:
        self._embeddings += list(self._networks.embedding.embed_all(self._waiting))
        self._waiting.clear()

    def _centred(self) -> NDArray[np.float32]:
        return self._channel.centred(np.array(self._embeddings).reshape(-1, DIMENSIONS))

    def _voices(self, n_frames: int, bounds: Bounds | None) -> Voices:
        embeddings = self._centred()
        labels, means = self._clustered(embeddings, bounds)
        active = np.zeros((len(means), n_frames), bool)
        for stretch, label in zip(self._stretches, labels, strict=True):
            active[label, stretch.start : stretch.end] = True
        for overlap in self._timeline.overlaps:
            _share(active, overlap, labels)
        turns = tuple(_turns(active, self._n_samples / SAMPLE_RATE))
        is_bounded = bounds is not None and bounds.at_most is not None
        apart = self._clustered(embeddings, None)[1] if is_bounded else None
        return Voices(turns, means, self._channel.range_db, apart)

    def _clustered(
        self, embeddings: NDArray[np.float32], bounds: Bounds | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Whose voice each stretch is, and the mean embedding of each voice."""
        durations = [max(stretch.alone_s, _NEXT_TO_NOTHING_S) for stretch in self._stretches]
        sure = [stretch.sure_s for stretch in self._stretches]
        labels = cluster(embeddings, durations, sure, self._timeline.links, bounds)
        sums = np.zeros((int(labels.max(initial=-1)) + 1, DIMENSIONS))
        np.add.at(sums, labels, embeddings * np.array(durations)[:, None])
        means = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return labels, np.asarray(means, np.float32)


def listen(networks: Networks, pcm: Pcm) -> EmbeddedStretches:
    """The stretches of a piece of audio of its own, without saying which are one voice."""
    piece = Diarization(networks)
    piece.feed(pcm)
    piece.finish()
    return piece.stretches()


def _share(active: NDArray[np.bool_], overlap: Overlap, labels: NDArray[np.int64]) -> None:
    """Let a second voice speak where two do: the one the segmentation found there, besides who
    speaks already."""
    scores = np.zeros(len(active))
    for number, value in overlap.likeness.items():
        scores[labels[number]] += value
    for at in range(overlap.start, min(overlap.end, active.shape[1])):
        others = np.where(active[:, at], 0.0, scores)
        if others.max(initial=0.0) > 0:
            active[others.argmax(), at] = True


def _alone(stretch: Stretch, first: int, n: int) -> NDArray[np.bool_]:
    """Which of ``n`` filterbank frames from sample ``first`` on hear one voice alone."""
    centres = first + features.FRAME // 2 + features.HOP * np.arange(n)
    inside = np.zeros(n, bool)
    for start, end in stretch.alone:
        inside |= (centres >= _sample(start)) & (centres < _sample(end))
    return inside


def _turns(active: NDArray[np.bool_], end_s: float) -> list[Turn]:
    turns = [
        Turn(_time_s(first), min(_time_s(last), end_s), speaker)
        for speaker, frames in enumerate(active)
        for first, last in runs(frames)
        if _time_s(first) < end_s
    ]
    return sorted(turns, key=lambda turn: (turn.start_s, turn.speaker))


def _sample(frame: int) -> int:
    """The sample between two frames: half a step before the centre of ``frame``."""
    return frame * HOP + FIRST_CENTRE - HOP // 2


def _time_s(frame: int) -> float:
    return max(0, _sample(frame)) / SAMPLE_RATE if frame else 0.0

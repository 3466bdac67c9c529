"""What streams play: clips of a corpus one after the other, with pauses, and what is said when.

Knows nothing about servers. The corpus is a folder with ``refs.jsonl``; lines whose ``words`` are
``[word, start, end]`` tell when words are said.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import av
import msgspec
import numpy as np

from auricle.errors import AuricleError
from auricle.types import SAMPLE_RATE, Pcm
from auricle_bench.accuracy import units
from auricle_bench.clips import REFERENCES
from auricle_bench.live.measures import Reference

PAUSE_S = 1.5
"""Silence between two clips: a turn ends there."""

LEAD_S = 0.5
TAIL_S = 2.0
NOISE_RMS = 3e-4
"""-70 dBFS: what a microphone gives while nobody speaks."""


class TimedClip(msgspec.Struct, frozen=True):
    """A line of ``refs.jsonl``; other keys are ignored."""

    file: str
    language: str
    text: str
    duration_s: float
    words: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Played:
    """The audio of one stream. ``speech_ends_s`` are the ends of its clips' last words."""

    pcm: Pcm
    reference: Reference
    speech_ends_s: tuple[float, ...]

    @property
    def duration_s(self) -> float:
        return len(self.pcm) / SAMPLE_RATE


def timed_clips(folder: Path, languages: Collection[str] = ("en",)) -> list[TimedClip]:
    """The clips of a folder that have word times, in some languages.

    Raises:
        AuricleError: no list, a line that lacks something, or no such clips.
    """
    listed = folder / REFERENCES
    try:
        lines = [each for each in listed.read_bytes().splitlines() if each.strip()]
        rows = [msgspec.json.decode(line, type=TimedClip) for line in lines]
    except OSError as exc:
        raise AuricleError(f"cannot read {listed}: {exc.strerror}") from exc
    except msgspec.DecodeError as exc:
        raise AuricleError(f"a line of {listed} is not a clip: {exc}") from exc
    found = [clip for clip in rows if clip.words and clip.language in languages]
    if not found:
        named = ", ".join(languages)
        raise AuricleError(f"{listed} lists no clips with the times of words in {named}")
    return found


def streams(
    folder: Path, clips: Sequence[TimedClip], n_streams: int, seconds: float, seed: int
) -> list[Played]:
    """What so many streams play, each at least so long, each something else."""
    order = list(clips)
    random.Random(seed).shuffle(order)
    waiting = cycle(order)
    return [_played(folder, waiting, seconds, seed + n) for n in range(n_streams)]


def _played(folder: Path, clips: Iterator[TimedClip], seconds: float, seed: int) -> Played:
    parts = [_silence(LEAD_S)]
    ends: list[tuple[str, float]] = []
    speech_ends_s = []
    texts: list[str] = []
    at_s = LEAD_S
    language = ""
    while at_s < seconds or not texts:
        clip = next(clips)
        language = language or clip.language
        if clip.language != language:
            continue
        for word, _, end_s in clip.words:
            ends += [(unit, at_s + end_s) for unit in units(word, language)]
        speech_ends_s.append(at_s + clip.words[-1][2])
        texts.append(clip.text)
        pcm = _read(folder / clip.file)
        parts += [pcm, _silence(PAUSE_S)]
        at_s += len(pcm) / SAMPLE_RATE + PAUSE_S
    pcm = np.concatenate([*parts, _silence(TAIL_S - PAUSE_S)])
    noise = np.random.default_rng(seed).normal(0.0, NOISE_RMS, len(pcm)).astype(np.float32)
    reference = Reference(" ".join(texts), language, ends)
    return Played(pcm + noise, reference, tuple(speech_ends_s))


def _silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def _read(path: Path) -> Pcm:
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    try:
        with av.open(path, "r") as media:
            frames = [*media.decode(audio=0), None]
            parts = [out.to_ndarray()[0] for each in frames for out in resampler.resample(each)]
    except (OSError, av.FFmpegError) as exc:
        raise AuricleError(f"cannot read {path}: {exc}") from exc
    return np.concatenate(parts)

"""Recordings made of clips: windows of up to 30 s, and hours of speech in a small file.

Knows nothing about what is measured with them.
"""

from __future__ import annotations

import wave
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from auricle.types import SAMPLE_RATE
from auricle.whisper.dimensions import WINDOW_S
from auricle_bench.clips import Clip

PAUSE_S = 0.4
"""Silence between two clips of a window: too short to be cut at."""

LONE_PAUSE_S = 20.0
"""Silence between repetitions of a single clip: long enough to keep them in windows of their own,
because a window that says the same thing three times is taken for a decoder gone astray."""

SHORTEST_WINDOW_S = 25.0
OPUS_BITS_PER_S = 24_000

Samples = NDArray[np.int16]
"""``(n_samples,)``, 16 kHz mono."""


def read(file: Path | BinaryIO) -> Samples:
    """A whole file as 16 kHz mono."""
    resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
    parts: list[Samples] = []
    with av.open(file, "r") as media:
        for frame in [*media.decode(audio=0), None]:
            parts += [out.to_ndarray()[0] for out in resampler.resample(frame)]
    return np.concatenate(parts)


def windows(clips: Iterable[Clip], folder: Path) -> list[Clip]:
    """Recordings of 25 to 30 s, each of one speaker's clips (or one language's, for speakers with
    little) joined with short pauses, in ``folder``."""
    by_speaker: defaultdict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.duration_s <= WINDOW_S and clip.text and clip.language:
            by_speaker[clip.language, clip.speaker or ""].append(clip)
    left: defaultdict[str, list[Clip]] = defaultdict(list)
    groups: list[list[Clip]] = []
    for (language, _), own in by_speaker.items():
        full, rest = _groups(own)
        groups += full
        left[language] += rest
    for rest in left.values():
        groups += _groups(rest)[0]
    return [_joined(group, folder / f"window-{i:02}.wav") for i, group in enumerate(groups)]


def window(clips: Iterable[Clip], path: Path) -> Clip:
    """As many whole clips as fit into one window, the first ones again if there are too few."""
    group: list[Clip] = []
    for clip in cycle(clips):
        if _length_s([*group, clip]) > WINDOW_S:
            break
        group.append(clip)
    return _joined(group, path)


def long_recording(clips: Iterable[Clip], path: Path, duration_s: float) -> Clip:
    """Hours of speech as Ogg Opus: the clips again and again, with pauses."""
    with av.open(str(path), "w", format="ogg") as media:
        stream = media.add_stream("libopus", rate=SAMPLE_RATE)
        stream.bit_rate = OPUS_BITS_PER_S
        stream.layout = "mono"
        stream.options = {"compression_level": "0", "application": "voip"}
        at = 0
        for samples in _enough(clips, duration_s):
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, at
            at += len(samples)
            media.mux(stream.encode(frame))
        media.mux(stream.encode(None))
    return Clip(path, at / SAMPLE_RATE, "en")


def write_wav(path: Path, samples: Samples, rate: int = SAMPLE_RATE) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def _enough(clips: Iterable[Clip], duration_s: float) -> Iterator[Samples]:
    """Clips and pauses by turns, until they are ``duration_s`` long together."""
    sources = [read(clip.path) for clip in clips]
    pause_s = PAUSE_S if len(sources) > 1 else LONE_PAUSE_S
    pause = np.zeros(round(pause_s * SAMPLE_RATE), np.int16)
    missing = round(duration_s * SAMPLE_RATE)
    for samples in cycle(sources):
        if missing <= 0:
            return
        yield samples
        yield pause
        missing -= len(samples) + len(pause)


def _groups(clips: list[Clip]) -> tuple[list[list[Clip]], list[Clip]]:
    """Clips in their order put together to windows that are long enough, and those left over."""
    full: list[list[Clip]] = []
    group: list[Clip] = []
    for clip in clips:
        if _length_s([*group, clip]) > WINDOW_S:
            if _length_s(group) >= SHORTEST_WINDOW_S:
                full.append(group)
                group = []
            else:
                continue
        group.append(clip)
    if _length_s(group) >= SHORTEST_WINDOW_S:
        full.append(group)
    used = {clip.path for group in full for clip in group}
    return full, [clip for clip in clips if clip.path not in used]


def _length_s(group: list[Clip]) -> float:
    return sum(clip.duration_s + PAUSE_S for clip in group)


def _joined(group: list[Clip], path: Path) -> Clip:
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.int16)
    samples = np.concatenate([part for clip in group for part in (read(clip.path), pause)])
    write_wav(path, samples)
    text = " ".join(clip.text or "" for clip in group)
    return replace(group[0], path=path, duration_s=len(samples) / SAMPLE_RATE, text=text)

"""Windows of real speech, cut and joined from this repository's clips, the same on every run.

Knows nothing about engines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from auricle.types import SAMPLE_RATE, Pcm
from tests.audio_files import SAMPLES, read_wav

CLIPS = Path(__file__).parent / "clips"

LONGEST_S = 29.9
"""Whisper's features end differently in a recording of 30 s and more, which has no padding."""


@dataclass(frozen=True)
class SpokenWindow:
    """What every engine is given, padded to 30 s. ``text`` is empty where a clip was cut."""

    name: str
    language: str
    pcm: Pcm
    text: str = ""

    @property
    def duration_s(self) -> float:
        return len(self.pcm) / SAMPLE_RATE


def recordings(folder: Path) -> Iterator[SpokenWindow]:
    """The clips of a folder with a ``refs.jsonl``, those that fit into one window."""
    for line in (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["duration_s"] <= LONGEST_S:
            pcm = _read(folder / row["file"])
            yield SpokenWindow(row["file"], row["language"], pcm, row["text"])


def windows(languages: Sequence[str]) -> list[SpokenWindow]:
    """Each clip alone, two with a pause, from the middle of a sentence, and as much as fits."""
    samples = [
        SpokenWindow("jfk", "en", read_wav(SAMPLES / "jfk.wav")),
        SpokenWindow("es", "es", read_wav(SAMPLES / "es.wav")),
    ]
    clips = [*samples, *recordings(CLIPS)]
    made: list[SpokenWindow] = []
    for language in languages:
        spoken = [clip for clip in clips if clip.language == language]
        made += spoken
        for i, clip in enumerate(spoken):
            after = spoken[(i + 1) % len(spoken)], spoken[(i + 2) % len(spoken)]
            made.append(_joined("pause", clip.pcm, _pause(1 + i % 3), after[0].pcm, of=clip))
            if i % 2:
                middle = clip.pcm[len(clip.pcm) * 2 // 5 :]
                made.append(_joined("cut", middle, after[1].pcm[: 3 * SAMPLE_RATE], of=clip))
            elif len(spoken) > 2:
                made.append(_joined("full", clip.pcm, after[1].pcm, after[0].pcm, of=clip))
    return made


def _joined(kind: str, *pcms: Pcm, of: SpokenWindow) -> SpokenWindow:
    pcm = np.concatenate(pcms)[: int(LONGEST_S * SAMPLE_RATE)]
    return SpokenWindow(f"{of.name} {kind}", of.language, pcm)


def _pause(seconds: float) -> Pcm:
    """Faint noise, as a quiet room has."""
    noise = np.random.default_rng(0).standard_normal(int(seconds * SAMPLE_RATE))
    return (noise * 3e-4).astype(np.float32)


def _read(path: Path) -> Pcm:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    pcm = np.concatenate(frames)
    assert pcm.dtype == np.int16
    return pcm.astype(np.float32) / np.float32(32768)

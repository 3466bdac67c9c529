"""What makes a model go astray: noises, loops, a language it does not know, text without speech.

Knows nothing about what is measured before and after. The recordings are made of numbers and of one
spoken sentence, so that anybody has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from auricle.types import SAMPLE_RATE, Pcm
from auricle_bench.clips import Clip
from auricle_bench.measurements import asking, recordings
from auricle_bench.measurements.noises import KINDS, sound
from auricle_bench.measurements.setup import SAMPLE
from auricle_bench.target import Target

N_REQUESTS = 300
LOOP_S = 2.0
"""A piece of a sentence that is said again and again."""

FIELDS = (("vad", "false"), ("decoding", "fast"))


def pcms(n: int) -> Iterator[Pcm]:
    """``n`` recordings of one to eight seconds, of a kind each: a noise, a loop, speech backwards,
    a sentence that breaks off."""
    sentence = recordings.read(SAMPLE).astype(np.float32) / np.float32(32768)
    piece = sentence[: round(LOOP_S * SAMPLE_RATE)]
    for i in range(n):
        noise = sound(KINDS[i // 4 % len(KINDS)], 1 + i % 3, i)
        kinds = (
            noise,
            np.tile(piece, 2 + i % 3),
            sentence[::-1][: len(noise)],
            sentence[:: 1 + i % 2],
        )
        yield np.ascontiguousarray(kinds[i % 4][: 8 * SAMPLE_RATE])


def send(url: str, folder: Path, n: int) -> None:
    """Have a server answer ``n`` of them."""
    clips = []
    for i, pcm in enumerate(pcms(n)):
        path = folder / f"odd {i}.wav"
        recordings.write_wav(path, (np.clip(pcm, -1, 1) * 32767).astype(np.int16))
        clips.append(Clip(path, len(pcm) / SAMPLE_RATE, ("en", "es", "ja", "de")[i // 3 % 4]))
    asking.texts(Target(url, fields=FIELDS), clips)

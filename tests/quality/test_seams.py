"""Windows of a long recording lose and repeat nothing where they meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from auricle.types import SAMPLE_RATE, DecodeOptions, Pcm
from auricle_bench.measurements import recordings
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words

CLIPS = Path(__file__).parent.parent / "parity" / "clips"
LOUDEST = 0.5

MAX_OTHER_WORDS = 8
"""What tiny.en hears otherwise in 119 words, clip by clip, and how it writes numbers. A sentence
that is lost has more."""


@pytest.mark.model
@pytest.mark.asyncio(loop_scope="session")
async def test_a_long_recording_says_what_its_sentences_say(hear):
    """One of the sentences is 20 dB quieter than those around it."""
    rng = np.random.default_rng(5)
    parts, said = [], ""
    for n, (pcm, text) in enumerate(_sentences()):
        level = LOUDEST / 10 if n == 3 else LOUDEST
        pause = np.zeros(round(rng.uniform(0.3, 4.0) * SAMPLE_RATE), np.float32)
        parts += [pcm * np.float32(level / np.abs(pcm).max()), pause]
        said += f"{text} "
    transcript = await hear(np.concatenate(parts), DecodeOptions(decoding="fast"))
    heard = words(transcript.text).split()
    assert _distance(words(said).split(), heard) <= MAX_OTHER_WORDS, transcript.text


def _sentences() -> Iterator[tuple[Pcm, str]]:
    yield read_wav(SAMPLES / "jfk.wav"), JFK_WORDS
    for line in (CLIPS / "refs.jsonl").read_bytes().splitlines():
        row = msgspec.json.decode(line)
        if row["language"] == "en":
            samples = recordings.read(CLIPS / row["file"])
            yield samples.astype(np.float32) / np.float32(32768), row["text"]


def _distance(said: list[str], heard: list[str]) -> int:
    """Words lost, added or heard as others."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said):
        row, above = [i + 1], row
        for j, other in enumerate(heard):
            row.append(min(above[j] + (word != other), above[j + 1] + 1, row[j] + 1))
    return row[-1]

"""Who speaks when, with the real networks in their process: one after the other and at once."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.errors import ModelUnusable
from auricle.speakers.clustering import Bounds
from auricle.speakers.diarization import Networks, Voices
from auricle.speakers.process import SpeakerProcess
from auricle.types import Pcm
from tests.audio_files import SAMPLES, read_wav

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="package")]

ENGLISH = read_wav(SAMPLES / "jfk.wav")[82_000:]
SPANISH = read_wav(SAMPLES / "es.wav")[:80_000] * np.float32(3.8)
"""As loud as the other."""
BOTH = np.concatenate([ENGLISH, SPANISH])
CHANGE_S = len(ENGLISH) / 16_000


def music() -> Pcm:
    """Eight struck chords of three notes with overtones, half a second each."""
    times = np.arange(8_000) / 16_000
    roots = (220.0, 246.9, 261.6, 196.0, 220.0, 174.6, 196.0, 220.0)
    chords = [
        sum(
            np.sin(2 * np.pi * root * third * k * times) / k
            for third in (1.0, 1.26, 1.5)
            for k in range(1, 6)
        )
        for root in roots
    ]
    struck = np.concatenate([chord * np.exp(-3 * times) for chord in chords])
    return np.asarray(struck * 0.1, np.float32)


async def diarized(
    process: SpeakerProcess, pcm: Pcm, piece: int = 1 << 30, bounds: Bounds | None = None
) -> Voices:
    async with process.recording() as recording:
        for first in range(0, len(pcm), piece):
            await recording.feed(pcm[first : first + piece])
        return await recording.finish(bounds)


def times(voices: Voices, speaker: int) -> list[tuple[float, float]]:
    return [(turn.start_s, turn.end_s) for turn in voices.turns if turn.speaker == speaker]


async def test_two_people_whatever_pieces_they_come_in(process):
    two = await diarized(process, BOTH)
    assert {turn.speaker for turn in two.turns} == {0, 1}
    assert max(end for _, end in times(two, 0)) < CHANGE_S < min(s for s, _ in times(two, 1))
    said_s = sum(turn.end_s - turn.start_s for turn in two.turns)
    assert 7.5 < said_s < 10.2
    assert two.embeddings.shape == (2, 192)
    assert two.embeddings[0] @ two.embeddings[1] < 0.2
    assert (await diarized(process, BOTH, 4_321)).turns == two.turns


async def test_a_recording_longer_than_a_batch(process):
    """Audio is let go of on the way; times and voices are the same after it."""
    parts = [SPANISH, np.zeros(40_000, np.float32), ENGLISH]
    found = await diarized(process, np.concatenate([*parts * 3, parts[0]]), 100_000)
    round_s = sum(len(part) for part in parts) / 16_000
    assert {turn.speaker for turn in found.turns} == {0, 1}
    said = [sum(e - s for s, e in times(found, speaker)) for speaker in (0, 1)]
    assert 14 < said[0] < 20
    assert 11 < said[1] < 17
    starts = [s for s, _ in times(found, 0) if s % round_s < 1]
    assert [round(s / round_s) for s in starts] == [0, 1, 2, 3]


async def test_two_at_once_are_both_told(process):
    mixed = ENGLISH.copy()
    mixed[: len(SPANISH)] += SPANISH
    found = await diarized(process, np.concatenate([BOTH, mixed]))
    assert {turn.speaker for turn in found.turns} == {0, 1}
    together_s = sum(
        max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
        for a in times(found, 0)
        for b in times(found, 1)
    )
    assert 1.5 < together_s < 5


@pytest.mark.parametrize("n", [1, 2, 3])
async def test_a_number_that_was_given(process, n):
    found = await diarized(process, BOTH, bounds=Bounds(n, n))
    assert len(found.embeddings) == n == len({turn.speaker for turn in found.turns})
    assert found.apart is not None
    assert len(found.apart) == 2


async def test_more_than_there_is_speech_for(process):
    found = await diarized(process, SPANISH[:48_000], bounds=Bounds(8, 8))
    assert 1 <= len(found.embeddings) == len({turn.speaker for turn in found.turns}) < 8


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(0, np.float32),
        np.zeros(1, np.float32),
        np.zeros(48_000, np.float32),
        np.random.default_rng(0).normal(0, 0.05, 48_000).astype(np.float32),
        np.sin(np.arange(48_000) * 0.17).astype(np.float32),
        music(),
    ],
    ids=["nothing", "one sample", "silence", "noise", "tone", "music"],
)
async def test_nobody(process, pcm):
    found = await diarized(process, pcm)
    assert found.turns == ()
    assert found.embeddings.shape == (0, 192)


async def test_a_second_of_speech(process):
    found = await diarized(process, SPANISH[8_000:24_000])
    assert {turn.speaker for turn in found.turns} == {0}
    assert found.turns[-1].end_s <= 1.0


async def test_a_folder_without_networks(tmp_path):
    with pytest.raises(ModelUnusable, match=r"cannot read .*pytorch_model\.bin"):
        Networks.load(tmp_path)

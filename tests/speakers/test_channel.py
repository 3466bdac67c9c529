"""Noise is measured; a telephone's band makes voices alike, and what they share is taken away."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.speakers.channel import Channel
from auricle.speakers.features import fbank
from auricle.speakers.known import NOISY_DB
from tests.audio_files import SAMPLES, read_wav
from tests.speakers import nets


def telephone(pcm: np.ndarray) -> np.ndarray:
    """300 to 3400 Hz and some hiss."""
    spectrum, hz = np.fft.rfft(pcm), np.fft.rfftfreq(len(pcm), 1 / 16_000)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    hiss = np.random.default_rng(0).normal(0, 1e-3, len(pcm))
    return (np.fft.irfft(spectrum, len(pcm)) + hiss).astype(np.float32)


DB = 10 / np.log(10)
"""Decibels in a natural logarithm of power."""

SPEECH = {name: read_wav(SAMPLES / name)[16_000:80_000] for name in ("jfk.wav", "es.wav")}


def test_a_band_is_told_by_what_varies_above_it():
    found = {}
    for name, pcm in SPEECH.items():
        for way, each in (("whole", pcm), ("band", telephone(pcm))):
            channel = Channel()
            channel.add(fbank(each))
            found[name, way] = channel.is_band_limited
    assert found == {(name, way): way == "band" for name in SPEECH for way in ("whole", "band")}


def test_without_speech():
    assert not Channel().is_band_limited
    empty = np.zeros((0, 192), np.float32)
    assert Channel().centred(empty) is empty


@pytest.mark.model
def test_people_on_the_telephone_are_as_different_as_in_a_room():
    channel = Channel()
    mels = [fbank(telephone(pcm)) for pcm in SPEECH.values()]
    for mel in mels:
        channel.add(mel)
    one, other = embeddings = nets.real().embedding.embed_all(mels)
    assert one @ other > 0.25
    one, other = channel.centred(embeddings)
    assert one @ other < 0.15
    assert np.linalg.norm(one) == pytest.approx(1)


@pytest.mark.parametrize(("quiet", "expected"), [(-20.0, 20.0), (-6.0, 6.0), (0.0, 0.0)])
def test_how_far_speech_is_above_the_rest(quiet, expected):
    channel = Channel()
    for db in [0.0] * 8 + [quiet] * 2:
        channel.add(np.full((50, 80), (db + 0.5) / DB, np.float32))
    assert channel.range_db == expected


def test_levels_beyond_all_measure():
    channel = Channel()
    channel.add(np.concatenate([np.full((50, 80), value, np.float32) for value in (-99, 99)]))
    assert channel.range_db == 159
    assert Channel().range_db == 0


@pytest.mark.model
@pytest.mark.parametrize(("noise_db", "is_noisy"), [(-60, False), (0, True)])
def test_noise_is_told_from_speech(noise_db, is_noisy):
    for pcm in SPEECH.values():
        noise = np.random.default_rng(1).normal(0, 1, len(pcm)) * np.sqrt((pcm**2).mean())
        channel = Channel()
        channel.add(fbank((pcm + noise * 10 ** (noise_db / 20)).astype(np.float32)))
        assert (channel.range_db < NOISY_DB) == is_noisy

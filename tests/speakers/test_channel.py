"""A telephone's band makes voices alike; what they have in common is taken away."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.speakers.channel import Channel
from auricle.speakers.features import fbank
from tests.audio_files import SAMPLES, read_wav
from tests.speakers import nets


def telephone(pcm: np.ndarray) -> np.ndarray:
    """300 to 3400 Hz and some hiss."""
    spectrum, hz = np.fft.rfft(pcm), np.fft.rfftfreq(len(pcm), 1 / 16_000)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    hiss = np.random.default_rng(0).normal(0, 1e-3, len(pcm))
    return (np.fft.irfft(spectrum, len(pcm)) + hiss).astype(np.float32)


SPEECH = {name: read_wav(SAMPLES / name)[16_000:80_000] for name in ("jfk.wav", "es.wav")}


def test_a_band_is_told_by_what_varies_above_it():
    found = {}
    for name, pcm in SPEECH.items():
        for way, each in (("whole", pcm), ("band", telephone(pcm))):
            channel = Channel()
            channel.hear(fbank(each))
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
        channel.hear(mel)
    one, other = embeddings = nets.real().embedding.embed_all(mels)
    assert one @ other > 0.25
    one, other = channel.centred(embeddings)
    assert one @ other < 0.15
    assert np.linalg.norm(one) == pytest.approx(1)

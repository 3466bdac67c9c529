"""Channels become one as their layout says; voices on any of them can be heard."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.media.mixing import Mixer, Picker, weights

FIVE_ONE = ("FL", "FR", "FC", "LFE", "BL", "BR")
RATE = 1_000
SEVEN_ONE = ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")


def in_decibels(layout: tuple[str, ...]) -> dict[str, float]:
    """Each channel's level in the mix, relative to the loudest."""
    found = weights(layout)
    with np.errstate(divide="ignore"):
        levels = 20 * np.log10(found / found.max())
    return dict(zip(layout, levels.round(1).tolist(), strict=True))


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (FIVE_ONE, {"FC": 0, "FL": -3, "FR": -3, "BL": -6, "BR": -6, "LFE": -np.inf}),
        (("FL", "FR", "FC"), {"FC": 0, "FL": -3, "FR": -3}),
        (("FL", "FR", "LFE"), {"FL": 0, "FR": 0, "LFE": -np.inf}),
        (("FL", "FR", "BL", "BR"), dict.fromkeys(("FL", "FR", "BL", "BR"), 0)),
    ],
)
def test_weights_are_those_of_itu_r_bs_775(layout, expected):
    assert in_decibels(layout) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("layout", [("FC",), ("LFE",), ("FL", "FR"), ("NONE", "NONE")])
def test_one_or_two_channels_keep_their_level(layout):
    assert weights(layout).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("layout", [FIVE_ONE, SEVEN_ONE, ("NONE",) * 12])
def test_unrelated_channels_keep_their_energy(layout):
    assert np.square(weights(layout)).sum() == pytest.approx(1.0)


def test_low_frequencies_alone_are_better_than_nothing():
    """A recorder with six microphones may call them what it likes."""
    channels = np.zeros((1000, 6), np.float32)
    channels[:, 3] = 0.25
    np.testing.assert_array_equal(Mixer(FIVE_ONE, RATE).mix(channels), channels[:, 3])


def blocks(levels: dict[str, float], n: int = 1) -> list[np.ndarray]:
    """Seconds of unrelated noise at a level per channel of 5.1."""
    random = np.random.default_rng(0)
    gains = np.array([levels.get(name, 0.0) for name in FIVE_ONE], np.float32)
    return [random.standard_normal((RATE, 6)).astype(np.float32) * gains for _ in range(n)]


def share_of_centre(mixer: Mixer, channels: np.ndarray) -> float:
    """How much of the mix is the centre: their correlation."""
    return float(np.corrcoef(mixer.mix(channels), channels[:, 2])[0, 1])


def test_dialogue_in_the_centre_is_heard_through_music_around():
    """With the standard's weights, music as loud as in films covered it."""
    music = {"FL": 0.1, "FR": 0.1, "BL": 0.1, "BR": 0.1, "LFE": 0.3}
    mixer = Mixer(FIVE_ONE, RATE)
    spoken, silent = {**music, "FC": 0.04}, music
    assert share_of_centre(mixer, blocks(spoken)[0]) > 0.85
    for channels in blocks(silent, 9):
        assert np.abs(mixer.mix(channels)).std() < 0.02
    assert share_of_centre(mixer, blocks(spoken)[0]) > 0.85


def test_where_the_centre_is_silent_the_others_are_mixed():
    mixer = Mixer(FIVE_ONE, RATE)
    (channels,) = blocks({"FL": 0.1})
    np.testing.assert_allclose(mixer.mix(channels), channels @ weights(FIVE_ONE), rtol=1e-6)
    for channels in blocks({"FC": 0.1}) + blocks({"FL": 0.1}, 12):
        mixed = mixer.mix(channels)
    np.testing.assert_allclose(mixed, channels @ weights(FIVE_ONE), rtol=1e-6)


def test_one_channel_is_taken_as_it_is_and_silence_where_it_is_missing():
    channels = np.array([[0.1, 0.2], [0.3, np.nan], [3.0, 0.4]], np.float32)
    np.testing.assert_array_equal(Picker(1).mix(channels), np.array([0.2, 0, 0.4], np.float32))
    np.testing.assert_allclose(Picker(0).mix(channels), [0.1 / 3, 0.1, 1.0], rtol=1e-6)
    np.testing.assert_array_equal(Picker(2).mix(channels), np.zeros(3, np.float32))

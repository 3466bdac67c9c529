"""Bytes off a wire become the same samples however they are cut, in every encoding and rate."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.live.pcm import Channels, PcmFormat, PcmReader

RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)


def read(form: PcmFormat, data: bytes, size: int) -> Channels:
    reader = PcmReader(form)
    parts = [reader.push(data[at : at + size]) for at in range(0, len(data), size)]
    return np.concatenate([*parts, reader.finish()], axis=1)


def tone(rate: int, hz: float = 440.0, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype("<f4")


@pytest.mark.parametrize(
    ("encoding", "data", "levels"),
    [
        ("s16le", b"\x00\x00\xff\x7f\x00\x80\x01\x00", [0, 32767, -32768, 1]),
        ("f32le", np.array([0.0, 1.0, -0.5], "<f4").tobytes(), [0, 32768, -16384]),
        # ITU-T G.711, tables 1 and 2: the ends of the scale, and the steps around zero
        ("mulaw", b"\xff\x7f\xfe\x80\x00\xf0", [0, 0, 8, 32124, -32124, 120]),
        ("alaw", b"\xd5\x55\xd4\xaa\x2a\xc5", [8, -8, 24, 32256, -32256, 264]),
    ],
)
def test_samples_are_what_the_encoding_says(encoding, data, levels):
    got = read(PcmFormat(encoding), data, len(data))
    assert (got * 32768).tolist() == [levels]


@pytest.mark.parametrize("size", [1, 3, 7, 4096])
@pytest.mark.parametrize("encoding", ["s16le", "f32le", "mulaw"])
def test_where_the_bytes_are_cut_changes_nothing(encoding, size):
    data = np.random.default_rng(0).bytes(4000)
    if encoding == "f32le":
        data = tone(16_000)[:1000].tobytes()
    whole = read(PcmFormat(encoding, 24_000), data, len(data))
    assert np.array_equal(read(PcmFormat(encoding, 24_000), data, size), whole)


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_is_the_same_tone_at_16_khz(rate):
    got = read(PcmFormat("f32le", rate), tone(rate).tobytes(), 960)
    assert got.shape == (1, 16_000)
    inside = slice(800, -800)  # a filter has no past at the first sample
    assert np.abs(got[0] - tone(16_000))[inside].max() < 0.01


@pytest.mark.parametrize("rate", [24_000, 44_100, 48_000])
def test_what_16_khz_cannot_hold_is_left_out(rate):
    got = read(PcmFormat("f32le", rate), tone(rate, hz=9_000).tobytes(), 960)
    assert np.abs(got[0][800:-800]).max() < 1e-3


def test_channels_stay_apart():
    left, right = tone(24_000, 300), tone(24_000, 1000)
    got = read(PcmFormat("f32le", 24_000, 2), np.stack([left, right], 1).tobytes(), 1001)
    alone = [read(PcmFormat("f32le", 24_000), each.tobytes(), 1001)[0] for each in (left, right)]
    assert np.allclose(got, alone, atol=1e-6)


def test_half_a_sample_at_the_end_is_no_sample():
    assert read(PcmFormat("s16le"), b"\x00\x01\x02", 3).tolist() == [[256 / 32768]]


def test_what_is_no_number_is_silence_and_what_is_too_loud_is_clipped():
    data = np.array([np.nan, np.inf, -np.inf, 7.0, -7.0], "<f4").tobytes()
    assert read(PcmFormat("f32le"), data, 20).tolist() == [[0.0, 1.0, -1.0, 1.0, -1.0]]


def test_a_stream_without_audio_has_none():
    assert read(PcmFormat("s16le", 24_000), b"", 1).shape == (1, 0)

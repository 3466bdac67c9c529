"""How much of a window the encoder sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.reading.encoder_length import BUCKETS, max_new_tokens, n_frames
from auricle.whisper.dimensions import MAX_FRAMES, MAX_NEW_TOKENS


@pytest.mark.parametrize(
    ("duration_s", "margin_s", "frames"),
    [(0.1, 5, 1000), (5, 5, 1000), (5.01, 5, 1250), (5, 10, 1500), (25, 5, 3000), (30, 5, 3000)],
)
def test_frames(duration_s, margin_s, frames):
    assert n_frames(duration_s, margin_s) == frames


@given(st.floats(0.02, 30.0), st.floats(0.0, 30.0))
def test_the_audio_always_fits_with_its_margin(duration_s, margin_s):
    frames = n_frames(duration_s, margin_s)
    assert frames in BUCKETS
    assert frames == MAX_FRAMES or frames >= (duration_s + margin_s) * 100


@pytest.mark.parametrize(
    ("frames", "margin_s", "tokens"),
    [(1000, 5, 120), (1000, 10, 20), (1500, 10, 120), (2500, 5, MAX_NEW_TOKENS), (3000, 5, 224)],
)
def test_tokens_are_bounded_by_the_audio(frames, margin_s, tokens):
    assert max_new_tokens(frames, margin_s) == tokens

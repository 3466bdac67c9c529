"""How much of a window the encoder sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.scheduler.context import (
    BUCKETS,
    FULL_FRAMES,
    MAX_NEW_TOKENS,
    MEMORY,
    MIN_SAMPLE,
    PAUSE,
    ContextGuard,
    max_new_tokens,
    n_frames,
)


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
    assert frames == FULL_FRAMES or frames >= (duration_s + margin_s) * 100


@pytest.mark.parametrize(
    ("frames", "margin_s", "tokens"),
    [(1000, 5, 120), (1000, 10, 20), (1500, 10, 120), (2500, 5, MAX_NEW_TOKENS), (3000, 5, 224)],
)
def test_tokens_are_bounded_by_the_audio(frames, margin_s, tokens):
    assert max_new_tokens(frames, margin_s) == tokens


def fail(guard: ContextGuard, *, is_cured: bool = True) -> None:
    """One window that is read again in full."""
    guard.note(1000, FULL_FRAMES, is_new=True)
    guard.note(FULL_FRAMES, FULL_FRAMES, is_new=False, is_cured=is_cured)


def test_a_model_that_needs_more_too_often_gets_the_full_context():
    guard = ContextGuard(margin_s=5.0)
    for n in range(MIN_SAMPLE):
        assert guard.frames_for(3.0) == 1000
        if n % 9 == 0:
            fail(guard)
        else:
            guard.note(1000, 1000, is_new=True)
    assert guard.retried == pytest.approx(6 / 50)
    assert guard.frames_for(3.0) == FULL_FRAMES


def test_what_the_full_context_does_not_cure_is_not_the_short_ones_fault():
    guard = ContextGuard(margin_s=5.0)
    for _ in range(2 * MIN_SAMPLE):
        fail(guard, is_cured=False)
    assert (guard.retried, guard.frames_for(3.0)) == (1.0, 1000)


def test_short_contexts_are_tried_again_after_a_while():
    """Fifty odd clips of one client used to slow everybody down until the server was restarted."""
    guard = ContextGuard(margin_s=5.0)
    for _ in range(MIN_SAMPLE):
        fail(guard)
    assert [guard.frames_for(30.0) for _ in range(PAUSE)] == [FULL_FRAMES] * PAUSE
    assert [guard.frames_for(3.0) for _ in range(PAUSE)] == [FULL_FRAMES] * PAUSE
    assert (guard.frames_for(3.0), guard.n_short, guard.n_cured) == (1000, 0, 0)


def test_what_was_long_ago_counts_less():
    guard = ContextGuard(margin_s=5.0)
    for _ in range(4 * MEMORY):
        guard.note(1000, 1000, is_new=True)
    assert guard.n_short <= MEMORY
    for _ in range(MEMORY // 8):
        fail(guard)
    assert guard.frames_for(3.0) == FULL_FRAMES


def test_a_few_retries_are_no_reason():
    guard = ContextGuard(margin_s=5.0)
    for n in range(200):
        guard.note(1000, FULL_FRAMES if n % 20 == 0 else 1000, is_new=True)
        guard.note(FULL_FRAMES, FULL_FRAMES, is_new=False)
    assert (guard.retried, guard.frames_for(3.0)) == (0.05, 1000)

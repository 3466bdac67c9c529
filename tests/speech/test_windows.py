"""Windows hold all speech, are cut in pauses, and do not depend on how the audio arrives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.speech.vad import FRAME
from auricle.speech.windows import FRAME_S, MAX_FRAMES, PAD_FRAMES, WindowCutter
from auricle.types import SAMPLE_RATE, Pcm, Window

Script = list[tuple[float, float]]


def scripted(script: Script) -> tuple[Pcm, Pcm]:
    """Audio and probabilities from (seconds, probability) pairs; sample i has the value i."""
    probabilities = np.concatenate(
        [np.full(round(seconds / FRAME_S), p, np.float32) for seconds, p in script]
    )
    return np.arange(len(probabilities) * FRAME, dtype=np.float32), probabilities


def cut(
    pcm: Pcm,
    probabilities: Pcm,
    chunk_frames: int = 937,
    *,
    keeps_all: bool = False,
    by_turns: bool = False,
) -> list[Window]:
    cutter = WindowCutter(keeps_all=keeps_all, by_turns=by_turns)
    windows = []
    for first in range(0, max(-(-len(pcm) // FRAME), 1), chunk_frames):
        last = first + chunk_frames
        windows += cutter.push(pcm[first * FRAME : last * FRAME], probabilities[first:last])
    return windows + cutter.finish()


def spans(windows: list[Window]) -> list[tuple[float, float]]:
    return [(round(window.start_s, 1), round(window.end_s, 1)) for window in windows]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param([(60, 0.0)], [], id="silence has no windows"),
        pytest.param([(10, 0.05), (0.03, 0.9), (10, 0.05)], [], id="a click is no speech"),
        pytest.param([(0.1, 0.1), (0.03, 0.9), (0.1, 0.1)], [(0.0, 0.2)], id="a word is brief"),
        pytest.param([(0.2, 0.49)], [], id="a brief noise is no word"),
        pytest.param([(0.3, 0.1), (0.03, 0.9)], [], id="a click is no speech in a longer one"),
        pytest.param([(5, 0), (2, 0.9), (5, 0)], [(2.5, 7.4)], id="speech is padded"),
        pytest.param([(0.2, 0), (2, 0.9), (0.1, 0)], [(0.0, 2.3)], id="padding stays inside"),
        pytest.param([(2, 0.9), (1.2, 0), (2, 0.9)], [(0.0, 5.2)], id="a pause stays inside"),
        pytest.param(
            [(2, 0.9), (1.5, 0), (2, 0.9)], [(0.0, 2.4), (2.4, 5.5)], id="a longer one divides"
        ),
        pytest.param(
            [(2, 0.9), (4, 0), (2, 0.9)], [(0.0, 2.4), (3.5, 8.0)], id="silence is left out"
        ),
        pytest.param(
            [(5, 0), *[(0.1, 0.55), (0.1, 0.3)] * 10, (5, 0)],
            [(2.5, 7.3)],
            id="a voice that is barely heard flickers",
        ),
        pytest.param([(5, 0), (2, 0.45), (5, 0)], [], id="below the threshold is no speech"),
        pytest.param(
            [(5, 0), (0.2, 0.6), (2, 0.4), (5, 0)],
            [(2.5, 7.6)],
            id="speech goes on a little below the threshold",
        ),
        pytest.param(
            [(24, 0.9), (0.5, 0), (4, 0.9), (0.15, 0), (4, 0.9)],
            [(0.0, 24.3), (24.3, 32.7)],
            id="the longer pause is taken although it is not the last",
        ),
        pytest.param(
            [(21, 0.9), (0.5, 0), (7, 0.9), (0.4, 0), (4, 0.9)],
            [(0.0, 28.7), (28.7, 32.9)],
            id="of pauses alike the later one is taken",
        ),
        pytest.param(
            [(21, 0.9), (0.9, 0), (12, 0.9)],
            [(0.0, 21.4), (21.5, 33.9)],
            id="the middle of a long pause belongs to no window",
        ),
        pytest.param(
            [(29.3, 0.9), (0.9, 0), (4, 0.9)],
            [(0.0, 29.7), (29.7, 34.2)],
            id="a window that is full in a pause ends there",
        ),
        pytest.param(
            [(12, 0.9), (0.4, 0), (14, 0.9), (0.4, 0), (10, 0.9)],
            [(0.0, 12.2), (12.2, 36.8)],
            id="the first window is short if more than one is needed",
        ),
        pytest.param(
            [(12, 0.9), (0.4, 0), (14, 0.9)],
            [(0.0, 26.4)],
            id="a recording of one window is not divided",
        ),
        pytest.param(
            [(26, 0.9), (0.1, 0.5), (10, 0.9)],
            [(0.0, 26.0), (26.0, 36.1)],
            id="speech without a pause is cut where it is least likely",
        ),
    ],
)
def test_windows(script, expected):
    pcm, probabilities = scripted(script)
    np.testing.assert_allclose(spans(cut(pcm, probabilities)), expected, atol=0.11)


def test_turns_are_divided_by_shorter_gaps():
    dialogue = scripted([(2, 0.9), (0.7, 0), (2, 0.9)])
    assert spans(cut(*dialogue)) == [(0.0, 4.7)]
    assert spans(cut(*dialogue, by_turns=True)) == [(0.0, 2.4), (2.4, 4.7)]


def test_a_window_is_a_slice_of_the_source():
    pcm, probabilities = scripted([(5, 0), (2, 0.9), (5, 0)])
    (window,) = cut(pcm, probabilities)
    start = round(window.start_s * SAMPLE_RATE)
    np.testing.assert_array_equal(window.pcm, pcm[start : start + len(window.pcm)])
    assert window.index == 0
    assert window.speech_s == pytest.approx(2.0, abs=0.04)


def test_a_window_knows_where_somebody_speaks():
    windows = cut(*scripted([(5, 0), (2, 0.9), (1, 0), (0.5, 0.9), (6, 0), (2, 0.9)]))
    found = [span for window in windows for span in window.speech]
    np.testing.assert_allclose(found, [(5, 7), (8, 8.5), (14.5, 16.5)], atol=0.1)


def test_speech_alone_is_cut_where_it_is_quiet():
    pcm = np.random.default_rng(0).standard_normal(40 * SAMPLE_RATE).astype(np.float32)
    pcm[25 * SAMPLE_RATE : 25 * SAMPLE_RATE + 1600] *= 0.01
    first, second = cut(pcm, np.full(1250, 0.99, np.float32))
    assert first.end_s == second.start_s == pytest.approx(25.0, abs=0.1)


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.9, 0.99])
def test_the_threshold_decides_what_speech_is(threshold):
    def count(probability: float) -> int:
        cutter = WindowCutter(threshold)
        pcm, probabilities = scripted([(5, 0), (2, probability), (5, 0)])
        return len(cutter.push(pcm, probabilities) + cutter.finish())

    assert count(threshold + 0.005) == 1
    assert count(threshold - 0.005) == 0


def test_no_audio_has_no_windows():
    assert cut(np.zeros(0, np.float32), np.zeros(0, np.float32)) == []


@pytest.mark.parametrize("n_samples", [1, 512, 1600, 479_744, 479_745, 480_257, 1_000_000])
@pytest.mark.parametrize("period_s", [1, 7, 50])
def test_where_all_is_kept_every_sample_is_in_a_window(n_samples, period_s):
    pcm = np.arange(n_samples, dtype=np.float32)
    times_s = np.arange(-(-n_samples // FRAME)) * FRAME_S
    probabilities = (times_s // period_s % 2 == 0).astype(np.float32)
    windows = cut(pcm, probabilities, keeps_all=True)
    np.testing.assert_array_equal(np.concatenate([window.pcm for window in windows]), pcm)
    assert max(len(window.pcm) for window in windows) <= 30 * SAMPLE_RATE


TALK = st.lists(
    st.tuples(
        st.sampled_from([0.03, 0.1, 0.3, 0.5, 1.0, 2.9, 5.0, 20.0, 45.0]),
        st.sampled_from([0.0, 0.0, 0.2, 0.4, 0.5, 0.9, 0.9, 0.99]),
    ),
    min_size=1,
    max_size=25,
)


def believed(probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Frames that are speech beyond doubt: at the threshold for three frames in a row."""
    sure = probabilities >= 0.5
    runs = np.convolve(sure, np.ones(3), "valid") == 3
    return np.convolve(runs, np.ones(3)) > 0


@settings(max_examples=60)
@given(script=TALK, chunk_frames=st.sampled_from([1, 7, 100, 937, 5000]), rest=st.integers(0, 511))
def test_windows_hold_all_speech_once_however_it_arrives(script, chunk_frames, rest):
    pcm, probabilities = scripted(script)
    pcm = pcm[: max(len(pcm) - rest, 1)]
    windows = cut(pcm, probabilities)
    covered = np.zeros(len(pcm), np.int8)
    for index, window in enumerate(windows):
        start = round(window.start_s * SAMPLE_RATE)
        assert window.index == index
        assert 0 < len(window.pcm) <= 30 * SAMPLE_RATE
        assert 0 <= window.speech_s <= window.duration_s + 1e-9
        np.testing.assert_array_equal(window.pcm, pcm[start : start + len(window.pcm)])
        covered[start : start + len(window.pcm)] += 1
    assert covered.max(initial=0) <= 1
    assert [w.start_s for w in windows] == sorted(w.start_s for w in windows)
    speech = np.repeat(believed(probabilities), FRAME)[: len(pcm)]
    assert (covered[speech] == 1).all()

    again = cut(pcm, probabilities, chunk_frames)
    assert [(w.start_s, len(w.pcm), w.speech_s) for w in again] == [
        (w.start_s, len(w.pcm), w.speech_s) for w in windows
    ]


def test_where_all_is_kept_silence_is_cut_as_well():
    windows = cut(*scripted([(70, 0.0)]), keeps_all=True)
    assert (windows[0].start_s, windows[0].speech) == (0.0, ())
    assert windows[-1].end_s == pytest.approx(70, abs=0.04)


def test_where_all_is_kept_a_pause_is_cut_in_the_middle():
    first, second = cut(*scripted([(22, 0.9), (2, 0), (14, 0.9)]), keeps_all=True)
    assert first.end_s == second.start_s == pytest.approx(23.0, abs=0.05)


@pytest.mark.parametrize("keeps_all", [False, True])
@pytest.mark.parametrize("probability", [0.0, 0.4, 0.99])
def test_an_hour_of_audio_holds_no_more_than_a_window_and_a_chunk(probability, keeps_all):
    cutter = WindowCutter(keeps_all=keeps_all)
    chunk = np.zeros(937 * FRAME, np.float32)
    speech = np.full(937, probability, np.float32)
    most = 0
    for _ in range(2 * 60):
        cutter.push(chunk, speech)
        most = max(most, cutter.buffered_samples)
    assert most <= MAX_FRAMES * FRAME + len(chunk)
    if probability == 0.0 and not keeps_all:
        assert most <= len(chunk) + PAD_FRAMES * FRAME

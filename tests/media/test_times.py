"""Times in the pcm are those of a player: what it plays at 5.0 s is at 5.0 s."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from auricle.errors import BadMedia
from auricle.media.limits import MediaLimits
from auricle.types import SAMPLE_RATE, Pcm
from tests.media.media_files import Format, encoded, jfk
from tests.media.test_container import opened, read

CLIP = jfk(3.0)
TWICE = np.concatenate([CLIP, CLIP])
BEGINS_S = 0.33
"""When the clip's first word can be heard."""

VIDEO = [
    Format("mp4", "aac", 24_000, video="mpeg4"),
    Format("mov", "aac", 48_000, "stereo", video="mpeg4"),
    Format("matroska", "aac", 32_000, video="mpeg4"),
    Format("webm", "libopus", 48_000, video="libvpx"),
    Format("mpegts", "aac", 48_000, "stereo", video="mpeg2video"),
    Format("mpeg", "mp2", 48_000, video="mpeg2video"),
    Format("flv", "aac", 44_100, video="flv1"),
    Format("asf", "wmav2", 44_100, video="msmpeg4v3"),
]
AUDIO = [
    Format("ipod", "aac", 44_100),
    Format("3gp", "libopencore_amrnb", 8_000),
    Format("matroska", "aac", 32_000),
    Format("webm", "libopus", 48_000),
    Format("ogg", "libopus", 48_000),
    Format("mpegts", "aac", 48_000),
    Format("flv", "aac", 44_100),
    Format("asf", "wmav2", 44_100),
]
COUNTED = [
    Format("mp3", "libmp3lame", 44_100),
    Format("adts", "aac", 44_100),
    Format("wav", "pcm_s16le"),
]
"""Nothing in these says when a sample is played: they follow each other."""


def begins_s(pcm: Pcm) -> list[float]:
    """When it becomes loud after a second of silence, or at the start."""
    loud = np.flatnonzero(np.abs(pcm) > 0.05) / SAMPLE_RATE
    is_first = np.diff(loud, prepend=-10.0) > 1.0
    return [float(each) for each in loud[is_first]]


def heard(data: bytes) -> tuple[list[float], float, list[str]]:
    media = opened(data)
    pcm = np.concatenate(list(media.blocks()))
    return begins_s(pcm), len(pcm) / SAMPLE_RATE, media.warnings


def near(*expected_s: float) -> Any:
    return pytest.approx(expected_s, abs=0.12)


def lasting(duration_s: float) -> Any:
    return pytest.approx(duration_s, abs=0.1)


@pytest.mark.parametrize("form", [*VIDEO, *AUDIO, *COUNTED], ids=str)
def test_what_a_codec_needs_before_its_first_sample_is_no_delay(form):
    assert heard(encoded(form, TWICE)) == (
        near(BEGINS_S, 3 + BEGINS_S),
        lasting(6.0),
        [],
    )


@pytest.mark.parametrize("form", VIDEO, ids=str)
def test_audio_that_begins_after_the_picture(form):
    """Samples were counted from the first one on, so all times were 5 s early."""
    data = encoded(form, TWICE, lambda _: 5.0)
    assert heard(data) == (near(5 + BEGINS_S, 8 + BEGINS_S), lasting(11.0), [])


@pytest.mark.parametrize("form", [*VIDEO, *AUDIO], ids=str)
def test_missing_packets_are_silence(form):
    data = encoded(form, TWICE, lambda time_s: 19.0 if time_s >= 3 else 0.0)
    assert heard(data) == (near(BEGINS_S, 22 + BEGINS_S), lasting(25.0), [])


@pytest.mark.parametrize("form", AUDIO[:4], ids=str)
def test_a_file_counts_from_its_beginning(form):
    """An edit list without anything to see before it; a recording cut out of a longer one."""
    data = encoded(form, TWICE, lambda _: 5.0)
    assert heard(data)[:2] == (near(5 + BEGINS_S, 8 + BEGINS_S), lasting(11.0))


@pytest.mark.parametrize("form", AUDIO[4:7], ids=str)
def test_a_broadcast_counts_from_where_it_was_recorded(form):
    data = encoded(form, TWICE, lambda _: 40_000.0)
    assert heard(data) == (near(BEGINS_S, 3 + BEGINS_S), lasting(6.0), [])


@pytest.mark.parametrize("form", [*VIDEO, *AUDIO], ids=str)
def test_a_jump_of_hours_is_damage(form):
    """It must neither take memory for hours, nor make the recording last for them."""
    begins, duration_s, warnings = heard(
        encoded(form, TWICE, lambda time_s: 72_000.0 if time_s >= 3 else 0.0)
    )
    assert (begins, duration_s) == (near(BEGINS_S, 3 + BEGINS_S), lasting(6.0))
    if form.muxer not in ("ipod", "mov"):  # their sample tables hold no such jump
        assert warnings[-1] == (
            "The times in the file jump after 3.0 s by more than can be true; what follows was put "
            "right behind."
        )


@pytest.mark.parametrize("form", [*VIDEO[2:5], *AUDIO[2:6]], ids=str)
def test_a_clock_that_starts_anew_is_another_recording(form):
    """As when files are joined."""
    data = encoded(form, CLIP) * 3
    begins, duration_s, warnings = heard(data)
    assert (begins, warnings) == (near(BEGINS_S, 3 + BEGINS_S, 6 + BEGINS_S), [])
    assert duration_s == pytest.approx(9.0, abs=0.2)


@pytest.mark.parametrize("form", VIDEO, ids=str)
def test_what_lies_before_the_beginning(form):
    """Negative times: most containers move the picture then; mp4 says from where on to play."""
    begins, duration_s, warnings = heard(encoded(form, TWICE, lambda _: -1.0))
    if form.muxer in ("mp4", "mov"):
        assert begins[1:] == near(2 + BEGINS_S)
        assert duration_s == lasting(5.0)
    else:
        assert begins == near(BEGINS_S, 3 + BEGINS_S)
        assert duration_s == lasting(6.0)
    assert warnings == []


def mangled(time_s: float, seed: int) -> float:
    """A clock no recorder has."""
    random = np.random.default_rng([seed, int(abs(time_s) * 100)])
    far = float(random.choice([0.0, 0.0, 0.3, 7.0, 4_000.0, 90_000.0, 2.0**31]))
    return far * float(random.choice([1.0, -1.0]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", [VIDEO[2], VIDEO[4], AUDIO[4]], ids=str)
def test_a_wild_clock_loses_no_audio(form, seed):
    last_s = 0.0

    def shift(time_s: float) -> float:
        nonlocal last_s  # muxers want times that grow
        at_s = max(time_s + abs(mangled(time_s, seed)), last_s + 1e-3)
        last_s = at_s
        return at_s - time_s

    pcm = read(encoded(form, CLIP, shift), MediaLimits(max_audio_s=600.0, max_cpu_s=60.0))
    assert 2.5 < len(pcm) / SAMPLE_RATE <= 600.0
    assert np.isfinite(pcm).all()


def overwritten(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1
    return data.replace(old, new)


@pytest.mark.parametrize(
    ("media_time", "shown_s"),
    [(0x7FFFFFFF, None), (0x80000000, None), (48_000, 5.0), (0xFFFFFFF0, 6.0)],
)
def test_edit_lists_of_any_kind(media_time, shown_s):
    """What is not shown is not read; an edit beyond the end leaves nothing."""
    data = encoded(Format("ipod", "aac", 48_000), TWICE)
    entry = data.index(b"elst") + 4 + 4 + 4
    edited = data[: entry + 4] + media_time.to_bytes(4, "big") + data[entry + 8 :]
    if shown_s is None:
        with pytest.raises(BadMedia):
            read(edited)
    else:
        assert len(read(edited)) / SAMPLE_RATE == pytest.approx(shown_s, abs=0.06)

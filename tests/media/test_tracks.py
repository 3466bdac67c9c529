"""Of several audio tracks, the best that can be decoded is read, or the one that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from av.stream import Disposition

from auricle.errors import BadMedia
from auricle.types import SAMPLE_RATE, AudioTrack, Pcm
from tests.media.media_files import Format, Track, sample, with_tracks
from tests.media.test_container import opened

MKV = Format("matroska", "aac", 32_000)
MP4 = Format("ipod", "aac", 32_000)


def tone(hz: int) -> Pcm:
    """A second that can be told from others."""
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def heard(data: bytes, audio_track: str | None = None) -> tuple[int, AudioTrack]:
    """The pitch of what is read, in hundreds of Hz, and what is said of the track."""
    media = opened(data, audio_track)
    pcm = np.concatenate(list(media.blocks()))
    loudest = int(np.abs(np.fft.rfft(pcm)).argmax()) * SAMPLE_RATE / len(pcm)
    return round(loudest / 100), media.track


GERMAN_FIRST = (
    Track(tone(300), "ger", Disposition.default),
    Track(tone(500), "eng"),
    Track(tone(700)),
)


@pytest.mark.parametrize("form", [MKV, MP4], ids=str)
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, (3, AudioTrack(1, 3, "de"))),
        ("1", (3, AudioTrack(1, 3, "de"))),
        ("2", (5, AudioTrack(2, 3, "en"))),
        ("3", (7, AudioTrack(3, 3))),
        ("en", (5, AudioTrack(2, 3, "en"))),
        ("English", (5, AudioTrack(2, 3, "en"))),
        ("deu", (3, AudioTrack(1, 3, "de"))),
    ],
)
def test_a_track_is_picked_by_number_or_language(form, wanted, expected):
    assert heard(with_tracks(form, GERMAN_FIRST), wanted) == expected


@pytest.mark.parametrize("wanted", ["0", "4", "99999999999999999999", "fr", "klingon", "-1"])
def test_a_track_that_is_not_there_is_refused_and_those_that_are_named(wanted):
    with pytest.raises(BadMedia) as caught:
        opened(with_tracks(MKV, GERMAN_FIRST), wanted)
    assert caught.value.message == (
        f"Invalid audio_track {wanted!r}: the file has 1 (german), 2 (english), 3."
    )
    assert (caught.value.param, caught.value.code) == ("audio_track", "invalid_value")


def test_one_track_can_be_asked_for_too():
    assert heard(sample(MKV, 1.0), "1")[1] == AudioTrack(1, 1)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0, Disposition.default, 2),
        (Disposition.default | Disposition.visual_impaired, 0, 2),
        (Disposition.comment, 0, 2),
        (Disposition.default, Disposition.default, 1),
    ],
)
def test_the_main_track_is_read_unless_another_is_asked_for(first, second, expected):
    tracks = (Track(tone(300), disposition=int(first)), Track(tone(500), disposition=int(second)))
    assert heard(with_tracks(MKV, tracks))[1].number == expected


@pytest.mark.parametrize("unreadable", [1, 2])
def test_a_track_that_can_be_decoded_is_preferred(unreadable):
    """Phones record an AAC track and one of a codec of their own; the file was refused."""
    tracks = (Track(tone(300), disposition=1), Track(tone(500), disposition=1))
    data = bytearray(with_tracks(MP4, tracks))
    at = -1
    for _ in range(unreadable):
        at = data.index(b"stsd", at + 1)
    assert data[at + 16 : at + 20] == b"mp4a"
    data[at + 16 : at + 20] = b"apac"
    details = data.index(b"esds", at)
    data[details : details + 4] = b"free"
    other = 3 - unreadable
    assert heard(bytes(data)) == ({1: 3, 2: 5}[other], AudioTrack(other, 2))
    with pytest.raises(BadMedia, match="corrupted or unsupported"):
        opened(bytes(data), str(unreadable))


def test_a_track_without_a_sample_gives_way_to_the_next():
    tracks = (
        Track(np.zeros(0, np.float32), "eng", Disposition.default),
        Track(tone(500), "eng"),
        Track(tone(700), "ger"),
    )
    data = with_tracks(MKV, tracks)
    assert heard(data) == (5, AudioTrack(2, 3, "en"))
    assert heard(data, "en") == (5, AudioTrack(2, 3, "en"))
    with pytest.raises(BadMedia):
        heard(data, "1")

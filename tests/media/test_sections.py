"""Files that hold several recordings are read to the end, as if each were a file of its own."""

from __future__ import annotations

import io

import numpy as np
import pytest

from auricle.media.sections import MAX_SECTIONS, Section, sections
from auricle.types import SAMPLE_RATE
from tests.media.media_files import FORMATS, Format, encoded, jfk, sample
from tests.media.test_container import likeness, opened

WAV = Format("wav", "pcm_s16le")

JOINED = [
    (WAV, Format("wav", "pcm_s24le", 44_100, "stereo")),
    (Format("ogg", "libopus", 48_000), Format("ogg", "libopus", 48_000, "stereo")),
    (Format("ogg", "vorbis", 44_100, "stereo", options=(("strict", "-2"),)),) * 2,
    (Format("webm", "libopus", 48_000), Format("matroska", "aac", 32_000, video="mpeg4")),
    (Format("flac", "flac"), Format("flac", "flac", 44_100, "stereo")),
    (Format("ipod", "aac", 44_100), Format("mp4", "aac", 24_000, video="mpeg4")),
    (Format("aiff", "pcm_s16be", 44_100), Format("aiff", "pcm_s16be", 8_000)),
    (Format("flv", "aac", 44_100), Format("flv", "aac", 22_050, "stereo")),
    (Format("caf", "pcm_s16be", 44_100),) * 2,
    (Format("tta", "tta", 44_100),) * 2,
    (Format("w64", "pcm_s16le"),) * 2,
    (Format("asf", "wmav2", 44_100),) * 2,
    (Format("mp3", "libmp3lame", 44_100, "stereo"), Format("mp3", "libmp3lame", 22_050)),
    (Format("adts", "aac", 48_000, "stereo"), Format("adts", "aac", 24_000)),
    (Format("ac3", "ac3", 48_000, "5.1"), Format("ac3", "ac3", 48_000)),
    (Format("mpegts", "aac", 48_000),) * 2,
]


@pytest.mark.parametrize(("first", "second"), JOINED, ids=str)
def test_both_parts_are_read(first, second):
    """Of chained Ogg and joined WAVs, the first part used to be passed off as the whole; so did
    of others where the parameters changed."""
    original = jfk(3.0)
    media = opened(encoded(first, original) + encoded(second, original))
    pcm = np.concatenate(list(media.blocks()))
    assert len(pcm) / SAMPLE_RATE == pytest.approx(6.0, abs=0.25)
    assert likeness(pcm, np.concatenate([original, original])) > 0.85
    assert media.warnings == []


def test_a_part_that_cannot_be_read_is_told_and_the_others_are_read():
    good, bad = sample(WAV, 1.0), bytearray(sample(WAV, 1.0))
    bad[20:22] = b"\xfe\xee"  # no such codec
    media = opened(good + bytes(bad) + good)
    assert len(np.concatenate(list(media.blocks()))) == 2 * SAMPLE_RATE
    assert media.warnings == [
        f"After 1.0 s, a part of the file from byte {len(good)} on could not be read: "
        "Audio file might be corrupted or unsupported."
    ]


@pytest.mark.parametrize("form", FORMATS, ids=str)
def test_an_ordinary_file_is_one_section(form):
    data = sample(form, 1.0)
    assert sections(io.BytesIO(data)) == [(0, len(data))]


def test_the_tracks_of_one_ogg_are_not_taken_for_recordings_one_after_the_other():
    """Each of them begins with a page of its own, before the first sample of any."""
    first, second = sample(Format("ogg", "libopus", 48_000), 1.0), sample(WAV, 0.1)
    page = first[: 27 + 1 + first[27]]
    assert first[len(page) :].startswith(b"OggS")
    both = page + page + first[len(page) :]
    assert sections(io.BytesIO(both)) == [(0, len(both))]
    assert sections(io.BytesIO(both + second)) == [(0, len(both + second))]
    assert sections(io.BytesIO(both + first)) == [(0, len(both)), (len(both), len(both + first))]


def test_heads_are_found_wherever_they_lie(monkeypatch):
    monkeypatch.setattr("auricle.media.sections._BLOCK", 64)
    wav = sample(WAV, 0.1)
    for n_bytes in range(60, 70):
        padded = wav[:78].ljust(78 + n_bytes, b"\0")
        expected = [(i * len(padded), (i + 1) * len(padded)) for i in range(3)]
        assert sections(io.BytesIO(padded * 3)) == expected


def test_a_file_of_heads_has_an_end():
    found = sections(io.BytesIO(b"fLaC\x00\x00\x00\x22" * (MAX_SECTIONS + 10)))
    assert len(found) == MAX_SECTIONS
    assert found[-1] == (8 * (MAX_SECTIONS - 1), 8 * (MAX_SECTIONS + 10))


def test_a_section_is_all_there_is():
    section = Section(io.BytesIO(b"0123456789"), 2, 6)
    assert section.read(100) == b"2345"
    assert section.read(1) == b""
    assert section.seek(-1, io.SEEK_END) == 3
    assert (section.tell(), section.read(5)) == (3, b"5")
    assert section.seek(-100, io.SEEK_SET) == 0
    assert section.seek(100, io.SEEK_CUR) == 100
    assert section.read(5) == b""
    assert section.seek(2**70, io.SEEK_SET) == -1
    assert section.part(3).read(9) == b"5"

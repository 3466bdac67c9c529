"""Every format is read, every refusal says why, and damage costs no more than what it hit."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import pytest

from auricle.errors import BadMedia
from auricle.media.container import Media
from auricle.media.limits import MediaLimits
from auricle.types import SAMPLE_RATE, Pcm
from tests.media.media_files import (
    FORMATS,
    Format,
    Track,
    encoded,
    jfk,
    sample,
    video_only,
    with_tracks,
)

LIMITS = MediaLimits(max_audio_s=6 * 3600, max_cpu_s=60)
WAV = Format("wav", "pcm_s16le")
FLAC = Format("flac", "flac")


def opened(data: bytes, audio_track: str | None = None) -> Media:
    return Media(io.BytesIO(data), LIMITS, audio_track)


def read(data: bytes, limits: MediaLimits = LIMITS) -> Pcm:
    media = Media(io.BytesIO(data), limits)
    try:
        return np.concatenate(list(media.blocks()))
    finally:
        media.close()


def refusal(data: bytes, limits: MediaLimits = LIMITS) -> tuple[str, str | None, str | None]:
    with pytest.raises(BadMedia) as caught:
        read(data, limits)
    return caught.value.message, caught.value.param, caught.value.code


def loudness(pcm: Pcm) -> Pcm:
    """Level per 32 ms, ``(n_frames,)``."""
    n_frames = len(pcm) // 512
    power: Pcm = np.square(pcm[: n_frames * 512].reshape(n_frames, 512)).mean(axis=1)
    return np.sqrt(power)


def likeness(pcm: Pcm, original: Pcm) -> float:
    """How well the loudness of two recordings goes together, 1 at best.

    Codecs may move the audio a little, so the best of some shifts counts.
    """
    found, expected = loudness(pcm), loudness(original)
    n = min(len(found), len(expected)) - 6
    return max(float(np.corrcoef(found[i : i + n], expected[3 : 3 + n])[0, 1]) for i in range(6))


@pytest.mark.parametrize("form", FORMATS, ids=str)
def test_reads_every_format(form):
    original = jfk(3.0)
    pcm = read(encoded(form, original))
    assert pcm.dtype == np.float32
    assert len(pcm) / SAMPLE_RATE == pytest.approx(3.0, abs=0.1)
    assert np.abs(pcm).max() <= 1.0
    assert np.abs(pcm).max() > 0.6
    assert likeness(pcm, original) > 0.95


def test_sound_above_what_16_khz_can_hold_does_not_fold_down():
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = (0.5 * np.sin(2 * np.pi * 3_000 * t)).astype(np.float32)
    high = bytearray(encoded(WAV, tone))
    high[24:28] = (48_000).to_bytes(4, "little")  # declared three times faster: a 9 kHz tone
    high[28:32] = (96_000).to_bytes(4, "little")
    assert np.abs(read(bytes(high))[500:-500]).max() < 0.01


@pytest.mark.parametrize("layout", ["stereo", "quad", "5.1", "7.1", "12 channels"])
def test_one_voice_on_one_of_many_channels_is_kept_loud(layout):
    voice = jfk(3.0)
    n_channels = {"stereo": 2, "quad": 4, "5.1": 6, "7.1": 8, "12 channels": 12}[layout]
    for channel in (0, n_channels - 1):
        channels = np.zeros((n_channels, len(voice)), np.float32)
        channels[channel] = voice
        pcm = read(encoded(Format("wav", "pcm_s16le", 16_000, layout), channels))
        assert likeness(pcm, voice) > 0.99
        assert np.abs(pcm).max() > 0.2


def test_channels_of_opposite_sign_do_not_cancel_out():
    """A balanced line recorded as stereo: the mean of its channels is silence."""
    voice = jfk(3.0)
    stereo = np.stack([voice, -voice])
    pcm = read(encoded(Format("wav", "pcm_s16le", 16_000, "stereo"), stereo))
    assert likeness(pcm, voice) > 0.99
    assert np.abs(pcm).max() > 0.6


def test_equal_channels_sound_like_one():
    voice = jfk(3.0)
    pcm = read(encoded(Format("wav", "pcm_s16le", 16_000, "stereo"), voice))
    np.testing.assert_allclose(pcm, voice, atol=1e-4)


def test_floating_point_samples_out_of_range_are_tamed():
    samples = jfk(3.0) * np.float32(30_000)
    samples[[100, 200, 300]] = [np.nan, np.inf, -np.inf]
    pcm = read(encoded(Format("wav", "pcm_f32le"), samples))
    assert np.isfinite(pcm).all()
    assert np.abs(pcm).max() == pytest.approx(1.0)
    assert likeness(pcm[16_000:], jfk(3.0)[16_000:]) > 0.9


PLAYLISTS = {
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "ffconcat": b"ffconcat version 1.0\nfile other.wav\n",
    "dash": b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>\n',
    "error page": b"<html><body>404 Not Found</body></html>",
    "words": "Grüße, das ist kein Ton. ".encode() * 40,
}


@pytest.mark.parametrize("text", PLAYLISTS.values(), ids=PLAYLISTS.keys())
def test_refuses_text_and_with_it_every_playlist(text):
    assert refusal(text) == ("The file is text, not audio.", "file", "invalid_value")


@pytest.mark.parametrize("text", PLAYLISTS.values(), ids=PLAYLISTS.keys())
def test_refuses_a_playlist_disguised_as_binary(text):
    expected = "Audio file might be corrupted or unsupported."
    assert refusal(text[:200] + b"\x00\xff\xfe" * 300) == (expected, "file", "invalid_value")


def test_refuses_an_image():
    image = b"\x89PNG\r\n\x1a\n" + bytes(400)
    assert refusal(image)[0] == "Audio file might be corrupted or unsupported."


def test_refuses_an_empty_file():
    assert refusal(b"") == ("The audio file is empty.", "file", "invalid_value")


def test_refuses_a_video_without_sound():
    data = video_only()
    assert refusal(data) == ("The file has no audio track; it has video.", "file", "invalid_value")


@pytest.mark.parametrize("seconds", [0.001, 0.02, 0.0999])
def test_refuses_audio_that_is_too_short(seconds):
    assert refusal(sample(WAV, seconds)) == (
        "Audio file is too short. Minimum audio length is 0.1 seconds.",
        "file",
        "audio_too_short",
    )


def test_a_file_cut_off_before_its_first_sound_is_not_said_to_be_short():
    data = sample(FLAC, 3.0)
    head = data[: data.index(b"\xff\xf8")]
    expected = "Audio file might be corrupted or unsupported."
    assert refusal(head) == (expected, "file", "invalid_value")


def test_a_tenth_of_a_second_is_enough():
    assert len(read(sample(WAV, 0.1))) == 1600


def test_refuses_a_declared_length_over_the_limit_before_decoding():
    ten_hours = bytearray(sample(FLAC, 1.0))
    ten_hours[22:26] = (10 * 3600 * SAMPLE_RATE).to_bytes(4, "big")  # total samples, low bits
    assert refusal(bytes(ten_hours))[0] == (
        "The audio is 36000 seconds long; the limit is 21600 seconds (max_audio_s)."
    )


def test_refuses_a_length_over_the_limit_that_nothing_declares():
    """Kilobytes that unfold to an hour: the frames of one second of silence, over and over."""
    silence = encoded(Format("adts", "aac"), np.zeros(SAMPLE_RATE, np.float32)) * 3600
    assert refusal(silence, MediaLimits(max_audio_s=60, max_cpu_s=60))[0] == (
        "The audio is longer than the limit of 60 seconds (max_audio_s)."
    )


def test_a_streamed_wav_that_claims_to_be_endless_is_read():
    """Recorders that write into a pipe put the largest number there is into the header."""
    data = bytearray(sample(WAV, 3.0))
    data[4:8] = b"\xff\xff\xff\xff"
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    assert len(read(bytes(data))) / SAMPLE_RATE == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("rate", "n_channels", "message"),
    [
        (384_000, 8, "8 channels at 384000 Hz, 3072000 samples per second; the limit is 1536000"),
        (1_000_000, 1, "sample rate is 1000000 Hz; it must be between 1000 and 768000 Hz"),
        (1, 1, "sample rate is 1 Hz; it must be between 1000 and 768000 Hz"),
        (8_000, 65, "65 channels; the limit is 64"),
    ],
)
def test_refuses_extreme_rates_and_channel_counts(rate, n_channels, message):
    data = bytearray(encoded(WAV, np.zeros(SAMPLE_RATE * 4, np.float32)))
    data[22:24] = n_channels.to_bytes(2, "little")
    data[24:28] = rate.to_bytes(4, "little")
    data[28:32] = (rate * n_channels * 2).to_bytes(4, "little")
    data[32:34] = (n_channels * 2).to_bytes(2, "little")
    found, param, code = refusal(bytes(data))
    assert message in found
    assert (param, code) == ("file", "invalid_value")


def test_refuses_more_processor_time_than_the_limit():
    limits = MediaLimits(max_audio_s=100, max_cpu_s=1e-6)
    assert refusal(sample(FLAC, 3.0), limits)[0] == (
        "Decoding the audio takes more processor time than the limit of "
        "1e-06 seconds (max_decode_cpu_s)."
    )


STREAMABLE = [
    form
    for form in FORMATS
    # The index of the first four is at the end; FFmpeg's Vorbis pages are three seconds long
    if form.muxer not in ("ipod", "mp4", "mov", "3gp") and form.codec != "vorbis"
]


@pytest.mark.parametrize("form", STREAMABLE, ids=str)
def test_a_truncated_file_keeps_the_audio_before_the_cut(form):
    data = sample(form)
    lengths = [len(read(data[: int(len(data) * n / 10)])) / SAMPLE_RATE for n in (3, 6, 9)]
    for n, length_s in zip((3, 6, 9), lengths, strict=True):
        # Bytes and time do not pass evenly, and Ogg, WavPack and TTA hold a second per packet
        assert length_s == pytest.approx(1.1 * n, abs=2.0)
    assert lengths == sorted(lengths)


def flipped(data: bytes, n_bytes: int, seed: int) -> bytes:
    """``data`` with some bytes changed, none of them in the first kilobyte or the last eighth."""
    random = np.random.default_rng(seed)
    changed = bytearray(data)
    for at in random.integers(1024, len(data) * 7 // 8, n_bytes).tolist():
        changed[at] ^= int(random.integers(1, 256))
    return bytes(changed)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("form", STREAMABLE, ids=str)
def test_a_damaged_file_keeps_most_of_its_audio(form, seed):
    pcm = read(flipped(sample(form), 3, seed))
    assert len(pcm) / SAMPLE_RATE > 7.0
    assert np.isfinite(pcm).all()


def truncated(data: bytes, seed: int) -> bytes:
    return data[: int(np.random.default_rng(seed).integers(0, len(data)))]


@pytest.mark.parametrize("hurt", [truncated, lambda data, seed: flipped(data, 20, seed)])
@pytest.mark.parametrize("muxer", ["ipod", "mp4", "mov", "3gp"])
def test_damage_to_formats_with_an_index_is_read_or_refused(
    hurt: Callable[[bytes, int], bytes], muxer
):
    data = sample(next(form for form in FORMATS if form.muxer == muxer), 2.0)
    for seed in range(4):
        with contextlib.suppress(BadMedia):
            assert np.isfinite(read(hurt(data, seed))).all()


def test_a_change_of_format_within_one_file_is_followed():
    """Broadcast streams switch between mono and stereo, and between rates."""
    first = sample(Format("adts", "aac", 48_000, "stereo"), 2.0)
    second = sample(Format("adts", "aac", 24_000), 2.0)
    pcm = read(first + second)
    assert len(pcm) / SAMPLE_RATE == pytest.approx(4.0, abs=0.2)


def warned(data: bytes) -> tuple[float, list[str]]:
    media = opened(data)
    n_samples = sum(len(block) for block in media.blocks())
    return n_samples / SAMPLE_RATE, media.warnings


@pytest.mark.parametrize("form", FORMATS, ids=str)
def test_a_whole_file_gives_no_warning(form):
    assert warned(sample(form))[1] == []


CUT_OFF = ("wav", "flac", "aiff", "au", "wv", "flv")


@pytest.mark.parametrize("form", [form for form in FORMATS if form.muxer in CUT_OFF], ids=str)
def test_a_file_that_was_cut_off_is_not_passed_off_as_the_whole(form):
    data = sample(form)
    duration_s, warnings = warned(data[: len(data) * 6 // 10])
    missing_s = 11.0 - duration_s
    assert warnings == [
        f"The audio ends after {duration_s:.1f} s, but the file says that {missing_s:.1f} s more "
        "belong to it: it was cut off or is damaged."
    ]


@pytest.mark.parametrize("n_tracks", [1, 2])
def test_nor_is_a_film_with_tracks_of_their_own_lengths(n_tracks):
    """Its header has the length of the whole; that of each track is in a tag."""
    form = Format("matroska", "aac", 32_000, video="mpeg4" if n_tracks == 1 else None)
    data = with_tracks(form, [Track(jfk()), Track(jfk(5.0))]) if n_tracks == 2 else sample(form)
    duration_s, warnings = warned(data[: len(data) * 6 // 10])
    assert duration_s < 9.0
    [warning] = warnings
    assert warning.startswith(f"The audio ends after {duration_s:.1f} s, but the file says that ")
    assert warned(data)[1] == []


@pytest.mark.parametrize("size", [0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_recorder_that_streams_is_not_said_to_have_stopped_early(size):
    data = bytearray(sample(WAV, 3.0))
    data[4:8] = size.to_bytes(4, "little")
    at = data.index(b"data") + 4
    data[at : at + 4] = (size - 36).to_bytes(4, "little")
    assert warned(bytes(data)) == (3.0, [])


def test_what_could_not_be_decoded_is_told():
    data = bytearray(sample(Format("ipod", "aac", 44_100, "stereo")))
    middle, n_bytes = len(data) // 2, len(data) // 15
    data[middle : middle + n_bytes] = b"\xff" * n_bytes
    duration_s, warnings = warned(bytes(data))
    assert duration_s == pytest.approx(11.0, abs=0.05)
    assert warnings == [
        "0.8 s of the audio are damaged and could not be decoded, the first of them after 5.5 s."
    ]


def test_damage_that_nobody_would_miss_is_not_told():
    form = Format("mp3", "libmp3lame", 44_100, "stereo")
    assert warned(flipped(sample(form), 3, 0))[1] == []

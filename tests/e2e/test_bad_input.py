"""What bad input gets, through the whole server; and that the next request never notices."""

from __future__ import annotations

import os

import httpx2
import numpy as np
import pytest

from tests.audio_files import ENDING_WORDS, SAMPLES, ending, wav, words
from tests.e2e.conftest import Real
from tests.media import media_files

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = (SAMPLES / "jfk.wav").read_bytes()
ENDING = ending()
RATE = 16_000


def _silence(seconds: float) -> bytes:
    return wav(np.zeros(round(seconds * RATE), np.float32))


def _noise(seconds: float) -> bytes:
    pcm = np.random.default_rng(1).normal(0, 0.05, round(seconds * RATE))
    return wav(pcm.astype(np.float32))


def _bit_flipped() -> bytes:
    flac = bytearray(media_files.sample(media_files.Format("flac", "flac")))
    for at in np.random.default_rng(2).integers(len(flac) // 2, len(flac), 200):
        flac[at] ^= 0xFF
    return bytes(flac)


async def _post(served: Real, audio: bytes | None, **fields: str) -> httpx2.Response:
    files = {"file": ("audio.wav", audio)} if audio is not None else {"note": (None, "no file")}
    async with served.http() as client:
        return await client.post(
            "/v1/audio/transcriptions",
            files=files,
            data={"model": "whisper-1", **fields},
        )


async def _still_works(served: Real) -> None:
    answer = await _post(served, ENDING)
    assert (answer.status_code, words(answer.json()["text"])) == (200, ENDING_WORDS)


@pytest.mark.parametrize(
    ("audio", "code", "says"),
    [
        (None, "missing_required_parameter", "'file'"),
        (b"", "invalid_value", "empty"),
        (b"just some text, renamed", "invalid_value", "not audio"),
        (os.urandom(5000), "invalid_value", "corrupted or unsupported"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:1/a.ts\n", "invalid_value", "not audio"),
        (b"ffconcat version 1.0\nfile jfk.wav\n", "invalid_value", "not audio"),
        (b"v=0\nm=audio 5004 RTP/AVP 0\n", "invalid_value", "not audio"),
        (media_files.video_only(), "invalid_value", "no audio"),
        (_silence(0.02), "audio_too_short", "0.1 seconds"),
        (_silence(601), "invalid_value", "600 seconds"),
    ],
    ids=["no file", "empty", "text", "random", "m3u8", "concat", "sdp", "video", "20 ms", "long"],
)
async def test_refused(english: Real, audio, code, says):
    answer = await _post(english, audio)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (error["param"], error["code"]) == ("file", code)
    assert error["type"] == "invalid_request_error"
    assert says in error["message"]
    assert answer.headers["x-request-id"].startswith("req_")
    await _still_works(english)


@pytest.mark.parametrize(
    ("fields", "status", "param", "code", "says"),
    [
        ({"model": "large-v3"}, 404, None, "model_not_found", "`large-v3`"),
        ({"model": "gpt-5"}, 404, None, "model_not_found", "`gpt-5`"),
        ({"language": "klingon"}, 400, "language", "invalid_language_format", "klingon"),
        ({"language": "de"}, 400, "language", "unsupported_language", "'de'"),
        ({"temperature": "1.5"}, 400, "temperature", "decimal_above_max_value", "1.5"),
        ({"temperature": "hot"}, 400, "temperature", None, "hot"),
        ({"response_format": "xml"}, 400, "response_format", None, "verbose_json"),
    ],
)
async def test_wrong_values(english: Real, fields, status, param, code, says):
    answer = await _post(english, JFK, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param)
    assert code is None or error["code"] == code
    assert says in error["message"]
    await _still_works(english)


async def test_an_english_model_does_not_translate(english: Real):
    async with english.http() as client:
        answer = await client.post(
            "/v1/audio/translations", files={"file": JFK}, data={"model": "whisper-1"}
        )
    assert answer.status_code == 400
    assert "cannot translate" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("response_format", "body"),
    [
        ("text", "\n"),
        ("srt", ""),
        ("vtt", "WEBVTT\n\n"),
        ("json", None),
        ("verbose_json", None),
    ],
)
@pytest.mark.parametrize("audio", [_silence(5), _noise(5)], ids=["silence", "noise"])
async def test_nothing_is_said_in_silence(english: Real, audio, response_format, body):
    answer = await _post(english, audio, response_format=response_format)
    assert answer.status_code == 200
    if body is not None:
        assert answer.text == body
    else:
        said = answer.json()
        assert (said["text"], said.get("segments", [])) == ("", [])


async def test_a_truncated_file_gives_its_good_audio(english: Real):
    whole = media_files.sample(media_files.Format("mp3", "libmp3lame"))
    answer = await _post(english, whole[: len(whole) // 2])
    assert answer.status_code == 200
    assert answer.json()["text"].startswith("And so")


async def test_a_damaged_file_gives_what_can_be_read(english: Real):
    answer = await _post(english, _bit_flipped())
    assert answer.status_code == 200
    assert answer.json()["text"].startswith("And so")
    await _still_works(english)

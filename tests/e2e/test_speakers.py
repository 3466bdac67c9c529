"""Who says what, from a recording to each answer, with real weights and processes."""

from __future__ import annotations

import io
import os
import signal
import sys
import wave
from base64 import b64encode
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.audio_files import ENDING_WORDS, SAMPLES, read_wav, wav, words
from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

ENGLISH = read_wav(SAMPLES / "jfk.wav")
SPANISH = read_wav(SAMPLES / "es.wav")[:80_000] * np.float32(3.8)
"""As loud as the other."""
BOTH = wav(np.concatenate([ENGLISH[124_800:], np.zeros(8_000, np.float32), SPANISH[:56_000]]))
END = wav(ENGLISH[124_800:])
CHANGE_S = 3.2
PATH = "/v1/audio/transcriptions"
DIARIZED = {"model": "gpt-4o-transcribe-diarize", "response_format": "diarized_json"}


def stereo(pcm: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((2, 2, 16_000, 0, "NONE", ""))
        out.writeframes(np.round(pcm * 32767).astype("<i2").tobytes())
    return file.getvalue()


def url(pcm: NDArray[np.float32]) -> str:
    return f"data:audio/wav;base64,{b64encode(wav(pcm)).decode()}"


async def test_two_people_one_of_them_known_plain_and_as_a_stream(english: Real) -> None:
    given: Any = {
        "file": ("both.wav", BOTH),
        "model": "gpt-4o-transcribe-diarize",
        "response_format": "diarized_json",
        "chunking_strategy": "auto",
        "known_speaker_names": ["Kennedy"],
        "known_speaker_references": [url(ENGLISH[:60_000])],
    }
    async with english.async_client() as client:
        answer = await client.audio.transcriptions.create(**given)
        stream = await client.audio.transcriptions.create(**given, stream=True)
        events = [event.to_dict() async for event in stream]
    his = [each for each in answer.segments if each.speaker == "Kennedy"]
    others = [each for each in answer.segments if each.speaker == "A"]
    assert words("".join(each.text for each in his)) == ENDING_WORDS
    assert len(his) + len(others) == len(answer.segments)
    assert max(each.end for each in his) < CHANGE_S + 0.5 < min(each.end for each in others)
    assert [each["known"] for each in answer.to_dict()["speakers"]] == [True, False]

    segments = [each for each in events if each["type"] == "transcript.text.segment"]
    assert segments == [each.to_dict() for each in answer.segments]
    deltas = "".join(e["delta"] for e in events if e["type"] == "transcript.text.delta")
    assert deltas == events[-1]["text"] == answer.text


@pytest.mark.parametrize(
    ("pcm", "speakers"),
    [
        (ENGLISH[:48_000], ["A"]),
        (np.zeros(32_000, np.float32), []),
        (ENGLISH[4_000:20_000], ["A"]),
    ],
    ids=["one", "nobody", "a second"],
)
async def test_few_or_nobody(english: Real, pcm: NDArray[np.float32], speakers: list[str]) -> None:
    form = {"model": "base", "response_format": "verbose_json", "diarize": "true", "vad": "true"}
    async with english.http() as http:
        answer = await http.post(
            PATH, data={**form, "model": "tiny.en"}, files={"file": ("a.wav", wav(pcm))}
        )
    body = answer.json()
    assert [each["speaker"] for each in body["speakers"]] == speakers
    assert {each["speaker"] for each in body["segments"]} == set(speakers)


def music() -> NDArray[np.float32]:
    """Four chords of four notes with overtones, half a second each, twice."""
    seconds = np.arange(8_000) / 16_000
    chords = []
    for root in (220.0, 261.6, 196.0, 293.7):
        partials = np.array([[root * step * n for n in range(1, 6)] for step in (1, 1.26, 1.5, 2)])
        waves = np.sin(2 * np.pi * partials[..., None] * seconds) / np.arange(1, 6)[:, None]
        chords.append(waves.sum((0, 1)) * np.exp(-3 * seconds) * 0.1)
    return np.concatenate(chords * 2).astype(np.float32)


async def test_music_is_nobody(english: Real) -> None:
    async with english.http() as http:
        heard = await http.post("/v1/audio/diarization", files={"file": ("a.wav", wav(music()))})
        form = {**DIARIZED, "known_speaker_names[]": "Ann"}
        form["known_speaker_references[]"] = url(music())
        known = await http.post(PATH, data=form, files={"file": ("a.wav", wav(ENGLISH[:16_000]))})
    assert (heard.json()["num_speakers"], heard.json()["segments"]) == (0, [])
    assert "'Ann' has 0.0 s of speech" in known.json()["error"]["message"]


TWO_VOICES = np.concatenate([ENGLISH[-40_000:], SPANISH[:48_000]])
SHORT = ENGLISH[124_800:134_800]
NOISE = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)

REFERENCES = {
    "The reference for 'Ann' has 2 voices; it must have one.": TWO_VOICES,
    "The reference for 'Ann' has 0.0 s of speech; 1 s are needed, and 2 to 10 s are best.": NOISE,
    "The reference for 'Ann' has 0.6 s of speech; 1 s are needed, and 2 to 10 s are best.": SHORT,
}


@pytest.mark.parametrize(
    ("message", "reference"), REFERENCES.items(), ids=["two", "noise", "short"]
)
async def test_references_that_are_none(
    english: Real, message: str, reference: NDArray[np.float32]
) -> None:
    form = {**DIARIZED, "known_speaker_names[]": "Ann"}
    form["known_speaker_references[]"] = url(reference)
    async with english.http() as http:
        answer = await http.post(PATH, data=form, files={"file": ("a.wav", wav(ENGLISH[:16_000]))})
    error = answer.json()["error"]
    assert (answer.status_code, error["message"], error["param"]) == (
        400,
        message,
        "known_speaker_references[0]",
    )


async def test_a_noisy_reference_is_warned_of(english: Real) -> None:
    """In noise as loud as this he is not known again by it, and would wonder why."""
    clean = ENGLISH[:60_000]
    noise = np.random.default_rng(0).normal(0, 0.7 * np.sqrt((clean**2).mean()), len(clean))
    form = {**DIARIZED, "known_speaker_names[]": "Kennedy"}
    form["known_speaker_references[]"] = url((clean + noise).astype(np.float32))
    async with english.http() as http:
        answer = await http.post(PATH, data=form, files={"file": ("a.wav", END)})
    [warning] = answer.json()["warnings"]
    assert warning.startswith("The reference for 'Kennedy' is noisy: loud speech is ")
    assert answer.headers["x-auricle-warning"] == warning


async def test_people_are_known_again_in_another_recording(english: Real) -> None:
    """By the embeddings a client keeps: 0.5 is between the same person and another."""
    recordings = (
        np.concatenate([ENGLISH[:60_000], SPANISH[:40_000]]),
        np.concatenate([SPANISH[40_000:], ENGLISH[124_800:]]),
    )
    found = []
    async with english.http() as http:
        for pcm in recordings:
            form, files = {"speaker_embeddings": "true"}, {"file": ("a.wav", wav(pcm))}
            body = (await http.post("/v1/audio/diarization", data=form, files=files)).json()
            found.append(np.array([each["embedding"] for each in body["speakers"]]))
    first, second = found
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-4)
    assert (first @ second.T >= 0.5).tolist() == [[False, True], [True, False]]


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals on Windows")
async def test_a_process_that_was_killed_is_replaced(english: Real) -> None:
    process = english.runtime._speakers._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    async with english.http() as http:
        answer = await http.post(PATH, data=DIARIZED, files={"file": ("a.wav", END)})
    assert answer.status_code == 200
    assert {each["speaker"] for each in answer.json()["segments"]} == {"A"}


async def test_channels_that_are_speakers(english: Real) -> None:
    """Both say the same, one after the other, each into a microphone of their own."""
    end = ENGLISH[124_800:]
    silence = np.zeros_like(end)
    both = np.stack([np.concatenate([end, silence]), np.concatenate([silence, end])], axis=1)
    form = {"model": "tiny.en", "response_format": "text", "channels": "separate"}
    async with english.http() as http:
        answer = await http.post(PATH, data=form, files={"file": ("a.wav", stereo(both))})
    lines = [line.partition(": ") for line in answer.text.splitlines()]
    assert [(name, words(text)) for name, _, text in lines] == [
        ("A", ENDING_WORDS),
        ("B", ENDING_WORDS),
    ]


async def test_who_speaks_when(english: Real) -> None:
    async with english.http() as http:
        path, files = "/v1/audio/diarization", {"file": ("a.wav", BOTH)}
        plain = (await http.post(path, files=files)).json()
        lines = (await http.post(path, files=files, data={"response_format": "rttm"})).text
        status = (await http.get("/v1/models/speakers")).json()
    assert [each["speaker"] for each in plain["speakers"]] == ["A", "B"]
    assert plain["num_speakers"] == 2
    assert [line.split()[7] for line in lines.splitlines()] == [
        each["speaker"] for each in plain["segments"]
    ]
    assert max(e["end"] for e in plain["segments"] if e["speaker"] == "A") < CHANGE_S + 0.3
    assert (status["state"], 50 < status["memory_mb"] < 1000) == ("ready", True)

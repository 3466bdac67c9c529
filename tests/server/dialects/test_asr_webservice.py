"""Programs written for whisper-asr-webservice work here unchanged."""

from __future__ import annotations

import struct

import httpx2
import msgspec
import pytest

from auricle.types import DecodeOptions, Language, SpeakerOptions
from tests.server.conftest import Served
from tests.server.dialects.answers import SRT, VTT, WORDS, error, spoken

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAMPLES = struct.pack("<4h", 0, 1000, -1000, 0)


async def asr(served: Served, **query: str) -> httpx2.Response:
    return await asr_of(b"audio", served, **query)


async def asr_of(data: bytes, served: Served, **query: str) -> httpx2.Response:
    async with served.http() as http:
        return await http.post("/asr", params=query, files={"audio_file": ("a.mp3", data)})


async def test_what_bazarr_asks(served: Served) -> None:
    """It sends bare samples under the name of the field, and takes the subtitles as they are."""
    query = {"task": "transcribe", "language": "es", "output": "srt", "encode": "false"}
    async with served.http() as http:
        answer = await http.post(
            "/asr", params=query, files={"audio_file": ("audio_file", SAMPLES)}
        )
    assert (answer.status_code, answer.text) == (200, SRT)
    header = served.runtime.asked[0][0][: -len(SAMPLES)]
    assert struct.unpack("<4sI4s4sIHHIIHH4sI", header) == (
        b"RIFF",
        0xFFFFFFFF,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        16_000,
        32_000,
        2,
        16,
        b"data",
        0xFFFFFFFF,
    )
    assert served.runtime.asked[0][0].endswith(SAMPLES)
    assert served.runtime.asked[0][1].language == "es"


async def test_a_file_sent_as_samples_stays_a_file(served: Served) -> None:
    """Some send a WAV file with encode=false; its header would be heard as a click."""
    await asr_of(b"RIFF....WAVE", served, encode="false")
    assert served.runtime.asked == [(b"RIFF....WAVE", DecodeOptions())]


async def test_what_speakr_asks(served: Served) -> None:
    answer = await asr(
        served,
        encode="true",
        task="transcribe",
        output="json",
        language="en",
        diarize="true",
        enable_diarization="true",
        min_speakers="1",
        max_speakers="4",
        initial_prompt="Names: Auricle",
        hotwords="Auricle",
    )
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["text"], body["language"]) == (" Hello there. And you.", "en")
    assert body["segments"][1] == {
        "id": 1,
        "seek": 0,
        "start": 1.0,
        "end": 2.5,
        "text": " And you.",
        "tokens": [1, 2],
        "temperature": 0.0,
        "avg_logprob": -0.25,
        "compression_ratio": 1.25,
        "no_speech_prob": 0.125,
    }
    assert served.runtime.asked == [
        (
            b"audio",
            DecodeOptions(
                language="en",
                prompt="Names: Auricle",
                keywords=("Auricle",),
                words=True,
                speakers=SpeakerOptions(1, 4),
            ),
        )
    ]


async def test_speakers(served: Served) -> None:
    segment = msgspec.structs.replace(spoken(" Hello there.", 0.0, 1.0, WORDS), speaker="A")
    served.runtime.steps = (segment,)
    body = (await asr(served, output="json", diarize="true")).json()
    assert [(each["speaker"], "words" in each) for each in body["segments"]] == [("A", False)]
    assert (await asr(served, diarize="true")).text == "A: Hello there.\n"
    assert "A: Hello there." in (await asr(served, diarize="true", output="srt")).text
    assert error(await asr(served, diarize="true", min_speakers="3", max_speakers="2"))[:2] == (
        400,
        "min_speakers",
    )


@pytest.mark.parametrize(
    ("output", "body"),
    [
        (None, "Hello there.\nAnd you.\n"),
        ("txt", "Hello there.\nAnd you.\n"),
        ("text", "Hello there.\nAnd you.\n"),
        ("tsv", "start\tend\ttext\n0\t1000\tHello there.\n1000\t2500\tAnd you.\n"),
        ("srt", SRT),
        ("vtt", VTT),
    ],
)
async def test_asr_outputs(served: Served, output: str | None, body: str) -> None:
    answer = await asr(served, **({} if output is None else {"output": output}))
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == body


async def test_asr_words_and_options(served: Served) -> None:
    served.runtime.steps = (spoken(" Hello there.", 0.0, 1.0, WORDS),)
    answer = await asr(
        served, output="json", word_timestamps="true", task="translate", vad_filter="true"
    )
    assert answer.json()["segments"][0]["words"] == [
        {"word": " Hello", "start": 0.0, "end": 0.4, "probability": 0.5},
        {"word": " there.", "start": 0.4, "end": 1.0, "probability": 0.75},
    ]
    assert served.runtime.asked == [(b"audio", DecodeOptions("translate", words=True))]


async def test_asr_refusals(served: Served) -> None:
    async with served.http() as http:
        without = await http.post("/asr", files={"other": (None, "")})
    assert error(without) == (400, "audio_file", "Missing required parameter: 'audio_file'.")
    assert error(await asr(served, output="docx"))[:2] == (400, "output")
    assert error(await asr(served, task="summarise"))[:2] == (400, "task")
    assert error(await asr(served, encode="perhaps"))[:2] == (400, "encode")
    assert error(await asr_of(b"", served)) == (
        400,
        "audio_file",
        "The recording in 'audio_file' is empty (0 bytes).",
    )


@pytest.mark.parametrize(
    ("language", "body"),
    [
        (
            Language("es", 0.98765),
            {"detected_language": "spanish", "language_code": "es", "confidence": 0.9877},
        ),
        (
            Language("en"),
            {"detected_language": "english", "language_code": "en", "confidence": None},
        ),
        (None, {}),
    ],
)
async def test_the_language_of_a_recording(
    served: Served, language: Language | None, body: dict[str, object]
) -> None:
    """Without speech the answer was empty texts, out of which Bazarr could make no language."""
    served.runtime.language = language
    if language is None:
        served.runtime.steps = ()
    async with served.http() as http:
        answer = await http.post(
            "/detect-language", params={"encode": "false"}, files={"audio_file": SAMPLES}
        )
    assert (answer.status_code, answer.json()) == (200, body)
    assert [(o.decoding, o.beam_size) for _, o in served.runtime.asked] == [("fast", 1)]

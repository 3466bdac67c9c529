"""Programs written for whisper.cpp's server and whisper-asr-webservice work here unchanged."""

from __future__ import annotations

import struct

import httpx2
import pytest

from auricle.types import DecodeOptions, Language, Segment, Word
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime, said

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAMPLES = struct.pack("<4h", 0, 1000, -1000, 0)
WORDS = (Word(" Hello", 0.0, 0.4, 0.5), Word(" there.", 0.4, 1.0, 0.75))
SRT = (
    "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n"
    "2\n00:00:01,000 --> 00:00:02,500\nAnd you.\n\n"
)
VTT = "WEBVTT\n\n" + SRT[2:].replace(",", ".").replace("\n\n2\n", "\n\n")


def spoken(text: str, start_s: float, end_s: float, words: tuple[Word, ...]) -> Segment:
    plain = said(text, start_s, end_s)
    return Segment(
        plain.start_s,
        plain.end_s,
        plain.text,
        plain.tokens,
        plain.temperature,
        plain.avg_logprob,
        plain.compression_ratio,
        plain.no_speech_prob,
        words=words,
    )


async def inference(served: Served, **fields: str) -> httpx2.Response:
    """As the example in its README sends it."""
    async with served.http() as http:
        return await http.post("/inference", data=fields, files={"file": ("a.wav", b"audio")})


async def asr(served: Served, **query: str) -> httpx2.Response:
    return await asr_of(b"audio", served, **query)


async def asr_of(data: bytes, served: Served, **query: str) -> httpx2.Response:
    async with served.http() as http:
        return await http.post("/asr", params=query, files={"audio_file": ("a.mp3", data)})


def error(answer: httpx2.Response) -> tuple[int, str | None, str]:
    detail = answer.json()["error"]
    return answer.status_code, detail["param"], detail["message"]


# whisper.cpp


async def test_inference_as_its_readme_asks(served: Served) -> None:
    answer = await inference(
        served, temperature="0.0", temperature_inc="0.2", response_format="json"
    )
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"text": " Hello there.\n And you.\n"}
    assert served.runtime.models == ["whisper-1"]
    assert served.runtime.asked == [(b"audio", DecodeOptions())]


@pytest.mark.parametrize(
    ("wanted", "media_type", "body"),
    [
        ("text", "text/plain; charset=utf-8", " Hello there.\n And you.\n"),
        ("srt", "application/x-subrip", SRT),
        ("vtt", "text/vtt; charset=utf-8", VTT),
    ],
)
async def test_inference_formats(served: Served, wanted: str, media_type: str, body: str) -> None:
    answer = await inference(served, response_format=wanted)
    assert (answer.headers["content-type"], answer.text) == (media_type, body)


async def test_inference_verbose_json_has_words(served: Served) -> None:
    served.runtime.steps = (spoken(" Hello there.", 0.0, 1.0, WORDS),)
    answer = await inference(served, response_format="verbose_json")
    assert [options.words for _, options in served.runtime.asked] == [True]
    assert answer.json() == {
        "task": "transcribe",
        "language": "english",
        "duration": 2.5,
        "text": " Hello there.\n",
        "segments": [
            {
                "id": 0,
                "text": " Hello there.",
                "start": 0.0,
                "end": 1.0,
                "words": [
                    {"word": " Hello", "start": 0.0, "end": 0.4, "probability": 0.5},
                    {"word": " there.", "start": 0.4, "end": 1.0, "probability": 0.75},
                ],
                "tokens": [1, 2],
                "temperature": 0.0,
                "avg_logprob": -0.25,
                "no_speech_prob": 0.125,
            }
        ],
        "detected_language": "english",
        "detected_language_probability": 0.9,
        "language_probabilities": {"en": 0.9},
    }


@pytest.mark.parametrize("switch", ["no_timestamps", "token_timestamps"])
async def test_inference_without_word_times(served: Served, switch: str) -> None:
    served.runtime.language = Language("en")
    value = "true" if switch == "no_timestamps" else "false"
    answer = await inference(served, response_format="verbose_json", **{switch: value})
    assert [options.words for _, options in served.runtime.asked] == [False]
    assert answer.json()["segments"][0]["words"] == []
    assert "detected_language" not in answer.json()


async def test_inference_options(served: Served) -> None:
    await inference(
        served,
        language="de",
        translate="true",
        prompt="Namen: Auricle",
        temperature="0.4",
        beam_size="3",
        best_of="2",
        no_speech_thold="0.6",
    )
    await inference(served, language="auto", beam_size="3", vad="false")
    await inference(served, language="auto", beam_size="-1")
    assert [options for _, options in served.runtime.asked] == [
        DecodeOptions("translate", "de", "Namen: Auricle", 0.4),  # above 0 without beams, as there
        DecodeOptions(beam_size=3, vad=False),
        DecodeOptions(),
    ]


@pytest.mark.parametrize("more", [{}, {"split_on_word": "true"}])
async def test_inference_cues_of_a_length(served: Served, more: dict[str, str]) -> None:
    """``max_len`` and ``split_on_word`` were ignored."""
    served.runtime.steps = (spoken(" Hello there.", 0.0, 1.0, WORDS),)
    answer = await inference(served, response_format="srt", max_len="6", **more)
    assert answer.text == (
        "1\n00:00:00,000 --> 00:00:00,400\nHello\n\n2\n00:00:00,400 --> 00:00:01,400\nthere.\n\n"
    )


async def test_inference_without_a_limit_of_length(served: Served) -> None:
    long = " ".join(["word"] * 30)
    served.runtime.steps = (said(f" {long}", 0.0, 6.0),)
    answer = await inference(served, response_format="srt", max_len="0")
    assert answer.text == f"1\n00:00:00,000 --> 00:00:06,000\n{long}\n\n"


async def test_inference_refusals(served: Served) -> None:
    async with served.http() as http:
        without = await http.post(
            "/inference", data={"response_format": "json"}, files={"none": (None, "")}
        )
    assert error(without) == (400, "file", "Missing required parameter: 'file'.")
    assert error(await inference(served, max_len="many")) == (
        400,
        "max_len",
        "Invalid 'max_len': expected a whole number from 0 to 1000, but got 'many'.",
    )
    assert error(await inference(served, split_on_word="perhaps"))[:2] == (400, "split_on_word")
    assert error(await inference(served, response_format="lrc")) == (
        400,
        "response_format",
        "Invalid 'response_format': got 'lrc'. Supported values are: 'json', 'text', 'srt', "
        "'verbose_json', 'vtt'.",
    )


# whisper-asr-webservice


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
        (b"audio", DecodeOptions(language="en", prompt="Names: Auricle", keywords=("Auricle",)))
    ]


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


async def test_the_doors_can_be_closed() -> None:
    runtime = FakeRuntime(settings(doors=False))
    async with serving(runtime) as served:
        await runtime.started.wait()
        answers = [await inference(served), await asr(served)]
    assert [answer.status_code for answer in answers] == [404, 404]

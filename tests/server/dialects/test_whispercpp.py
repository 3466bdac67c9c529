"""Programs written for whisper.cpp's server work here unchanged."""

from __future__ import annotations

import httpx2
import pytest

from auricle.types import DecodeOptions, Language
from tests.server.conftest import Served
from tests.server.dialects.answers import SRT, VTT, WORDS, error, spoken
from tests.server.fakes import said

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def inference(served: Served, **fields: str) -> httpx2.Response:
    """As the example in its README sends it."""
    async with served.http() as http:
        return await http.post("/inference", data=fields, files={"file": ("a.wav", b"audio")})


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

"""WhisperKit's own clients send what they always sent, here with ``dialect = whisperkit`` and there
in the default dialect, as far as what they send allows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import httpx2
import msgspec
import openai
import pytest
import pytest_asyncio

from auricle.types import DecodeOptions, Speaker, SpeakerOptions
from tests.server.conftest import Served, serving, settings
from tests.server.events import events
from tests.server.fakes import FakeRuntime, said

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRANSCRIPTIONS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
SSE = {"accept": "text/event-stream"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kit_server() -> AsyncIterator[Served]:
    runtime = FakeRuntime(settings(dialect="whisperkit"))
    async with serving(runtime) as served:
        await runtime.started.wait()
        yield served


@pytest.fixture
def kit(kit_server: Served) -> Served:
    kit_server.runtime.reset()
    return kit_server


def part(name: str, value: str) -> bytes:
    return f'--k\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


RECORDING = b'--k\r\nContent-Disposition: form-data; name="file"; filename="jfk.wav"\r\n'


def python_form(*fields: tuple[str, str]) -> bytes:
    """The bundled Python client, through requests: the file last, without a content type."""
    text = b"".join(part(name, value) for name, value in fields)
    return text + RECORDING + b"\r\naudio\r\n--k--\r\n"


def curl_form(*fields: tuple[str, str]) -> bytes:
    """The bundled shell scripts: the file first, with one."""
    text = b"".join(part(name, value) for name, value in fields)
    return RECORDING + b"Content-Type: audio/wav\r\n\r\naudio\r\n" + text + b"--k--\r\n"


async def post(
    served: Served, path: str, body: bytes, headers: dict[str, str] | None = None
) -> httpx2.Response:
    kind = {"content-type": "multipart/form-data; boundary=k"}
    async with served.http() as http:
        return await http.post(path, content=body, headers={**kind, **(headers or {})})


CURL_FIELDS = (
    ("model", "tiny"),
    ("response_format", "verbose_json"),
    ("timestamp_granularities[]", "segment"),
    ("temperature", "0.0"),
    ("stream", "false"),
)


def curl_fields(**changes: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, changes.get(name.partition("[")[0], value)) for name, value in CURL_FIELDS)


async def test_the_python_client_needs_no_format(kit: Served) -> None:
    answer = await post(kit, TRANSCRIPTIONS, python_form(("model", "base")))
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert {name: body[name] for name in ("type", "text", "language", "duration", "words")} == {
        "type": "CreateTranscriptionResponseVerboseJson",
        "text": "Hello there. And you.",
        "language": "en",
        "duration": 2.5,
        "words": [],
    }
    assert list(body) == sorted(body)
    assert answer.text.startswith('{\n  "duration": 2.5,\n')
    assert list(body["segments"][1]) == [
        "avg_logprob",
        "compression_ratio",
        "end",
        "id",
        "no_speech_prob",
        "seek",
        "start",
        "temperature",
        "text",
        "tokens",
    ]


@pytest.mark.parametrize("granularities", ["word,segment", "word", "segment"])
async def test_granularities_joined_by_commas(kit: Served, granularities: str) -> None:
    """And its answers have segments whatever was asked for."""
    form = python_form(
        ("model", "base"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", granularities),
    )
    answer = await post(kit, TRANSCRIPTIONS, form)
    assert [segment["text"] for segment in answer.json()["segments"]] == [
        " Hello there.",
        " And you.",
    ]
    assert [options.words for _, options in kit.runtime.asked] == ["word" in granularities]


@pytest.mark.parametrize("wanted", ["json", "verbose_json"])
async def test_the_python_client_streams_without_a_done_marker(kit: Served, wanted: str) -> None:
    """It would take ``[DONE]`` for the text."""
    form = python_form(
        ("model", "base"),
        ("response_format", wanted),
        ("timestamp_granularities[]", "word,segment"),
        ("stream", "true"),
    )
    answer = await post(kit, TRANSCRIPTIONS, form, SSE)
    assert answer.headers["content-type"].startswith("text/event-stream")
    heard = events(answer.text, ends_with_done=False)
    assert [event["type"] for event in heard] == [
        "transcript.text.delta",
        "transcript.text.delta",
        "transcript.text.done",
    ]
    assert heard[-1]["text"] == "Hello there. And you."
    assert "".join(str(event["delta"]) for event in heard[:-1]) == heard[-1]["text"]


@pytest.mark.parametrize(
    ("changes", "type_of_answer"),
    [
        ({}, "CreateTranscriptionResponseVerboseJson"),
        ({"timestamp_granularities": "word,segment"}, "CreateTranscriptionResponseVerboseJson"),
        ({"response_format": "json"}, "CreateTranscriptionResponseJson"),
        ({"response_format": "JSON"}, "CreateTranscriptionResponseJson"),
        ({"temperature": "0.2"}, "CreateTranscriptionResponseVerboseJson"),
    ],
)
async def test_the_script_for_transcriptions(
    kit: Served, changes: dict[str, str], type_of_answer: str
) -> None:
    """It always sends granularities and ``stream``, also with json."""
    answer = await post(kit, TRANSCRIPTIONS, curl_form(*curl_fields(model="base", **changes)))
    assert (answer.status_code, answer.json()["type"]) == (200, type_of_answer)


async def test_the_script_asks_for_log_probabilities(kit: Served) -> None:
    """With verbose_json they are not there, as they never were."""
    fields = curl_fields(model="base", response_format="json")
    answer = await post(kit, TRANSCRIPTIONS, curl_form(*fields, ("include[]", "logprobs")))
    assert answer.status_code == 200
    ignored = await post(
        kit, TRANSCRIPTIONS, curl_form(*curl_fields(model="base"), ("include[]", "logprobs"))
    )
    assert ignored.status_code == 200
    assert [options.logprobs for _, options in kit.runtime.asked] == [True, False]


@pytest.mark.parametrize("model", ["tiny", "large-v3-v20240930_626MB", "whisper-1"])
async def test_whatever_model_is_asked_for(kit: Served, model: str) -> None:
    """Its scripts say ``tiny`` when the user says nothing; the server has the one it has."""
    answer = await post(kit, TRANSCRIPTIONS, curl_form(*curl_fields(model=model)))
    assert (answer.status_code, kit.runtime.models) == (200, ["whisper-1"])


async def test_a_model_must_be_asked_for(kit: Served) -> None:
    answer = await post(kit, TRANSCRIPTIONS, curl_form(("response_format", "json")))
    assert answer.json()["error"]["message"] == "you must provide a model parameter"


@pytest.mark.parametrize("wanted", ["text", "srt", "vtt"])
async def test_formats_it_never_had_are_honoured(kit: Served, wanted: str) -> None:
    form = curl_form(*curl_fields(model="base", response_format=wanted))
    answer = await post(kit, TRANSCRIPTIONS, form)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Hello there." in answer.text


async def test_the_script_for_translations(kit: Served) -> None:
    plain = await post(kit, TRANSLATIONS, curl_form(("model", "base")))
    verbose = await post(
        kit,
        TRANSLATIONS,
        curl_form(("model", "base"), ("language", "es"), ("response_format", "verbose_json")),
    )
    assert plain.json()["text"] == "Hello there. And you."
    assert "type" not in plain.json()
    assert (verbose.json()["language"], "type" in verbose.json()) == ("english", False)
    assert [options for _, options in kit.runtime.asked] == [
        DecodeOptions(task="translate"),
        DecodeOptions(task="translate", language="es"),
    ]


async def test_the_sdk_test_scripts(kit: Served) -> None:
    async with kit.async_client() as client:
        answer = await client.audio.transcriptions.create(
            model="base", file=("jfk.wav", b"audio"), response_format="verbose_json"
        )
        with pytest.warns(DeprecationWarning, match="deprecated"):
            translated = await client.audio.translations.create(
                model="base", file=("es.wav", b"audio"), response_format="verbose_json"
            )
    assert (answer.text, answer.language) == ("Hello there. And you.", "en")
    assert translated.language == "english"


async def test_its_health_and_index(kit: Served) -> None:
    async with kit.http() as http:
        health, index = await http.get("/health"), await http.get("/")
    assert health.json() == {"status": "ok"}
    assert index.json() == {
        "status": "ok",
        "service": "WhisperKit Local Server",
        "endpoints": [
            {
                "method": "POST",
                "path": "/v1/audio/transcriptions",
                "description": "Transcribe audio to text",
            },
            {
                "method": "POST",
                "path": "/v1/audio/translations",
                "description": "Translate audio to English",
            },
            {"method": "GET", "path": "/health", "description": "Health check endpoint"},
        ],
    }


async def test_its_health_while_the_model_loads() -> None:
    runtime = FakeRuntime(settings(dialect="whisperkit"))
    runtime.hold.clear()
    async with serving(runtime) as served, served.http() as http:
        answer = await http.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "starting")


async def test_errors_are_openais(kit: Served) -> None:
    async with kit.async_client() as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.audio.transcriptions.create(
                model="base",
                file=b"x",
                response_format="junk",  # type: ignore[call-overload]  # what is wrong is the point
            )
    assert caught.value.param == "response_format"


async def test_its_clients_in_the_default_dialect(served: Served) -> None:
    """The default format is OpenAI's, and ``[DONE]`` is sent."""
    form = python_form(
        ("model", "base"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word,segment"),
    )
    verbose = await post(served, TRANSCRIPTIONS, form)
    script = await post(served, TRANSCRIPTIONS, curl_form(*curl_fields(model="base")))
    streamed = await post(
        served,
        TRANSCRIPTIONS,
        python_form(("model", "base"), ("response_format", "json"), ("stream", "true")),
        SSE,
    )
    translated = await post(served, TRANSLATIONS, curl_form(("model", "base")))
    assert [answer.status_code for answer in (verbose, script, streamed, translated)] == [200] * 4
    assert verbose.json()["language"] == "english"
    assert streamed.text.endswith("data: [DONE]\n\n")


SPOKEN = (
    msgspec.structs.replace(said(" Is it late?", 0.0, 1.0), speaker="A"),
    msgspec.structs.replace(said(" Not yet.", 1.0, 2.5), speaker="B"),
)


@pytest.fixture
def dialogue(kit: Served) -> Served:
    kit.runtime.steps = SPOKEN
    kit.runtime.speakers = (Speaker("A", False, 1.0, ()), Speaker("B", False, 1.5, ()))
    return kit


@pytest.mark.parametrize(
    "fields",
    [
        (("model", "base"), ("diarize", "true")),
        (("model", "gpt-4o-transcribe-diarize"),),
        (("model", "gpt-4o-transcribe-diarize"), ("response_format", "verbose_json")),
    ],
    ids=["asked for", "by the model", "by the model, as its clients send it"],
)
async def test_speakers_in_its_answer(dialogue: Served, fields: Sequence[tuple[str, str]]) -> None:
    """What its generated client decodes is all there, and who speaks besides."""
    answer = await post(dialogue, TRANSCRIPTIONS, curl_form(*fields))
    body = answer.json()
    assert (body["type"], body["words"]) == ("CreateTranscriptionResponseVerboseJson", [])
    assert [(each["id"], each["speaker"]) for each in body["segments"]] == [(0, "A"), (1, "B")]
    assert [each["speaker"] for each in body["speakers"]] == ["A", "B"]
    assert [options.speakers for _, options in dialogue.runtime.asked] == [SpeakerOptions()]


async def test_diarized_json(dialogue: Served) -> None:
    form = curl_form(*curl_fields(response_format="diarized_json"), ("num_speakers", "2"))
    answer = await post(dialogue, TRANSCRIPTIONS, form)
    assert answer.headers["content-type"] == "application/json"
    assert [
        (each["type"], each["id"], each["speaker"], each["text"])
        for each in answer.json()["segments"]
    ] == [
        ("transcript.text.segment", "seg_0", "A", " Is it late?"),
        ("transcript.text.segment", "seg_1", "B", " Not yet."),
    ]
    assert [options.speakers for _, options in dialogue.runtime.asked] == [SpeakerOptions(2, 2)]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ((("model", "base"), ("response_format", "diarized_json")), True),
        ((("model", "base"), ("diarize", "true"), ("response_format", "verbose_json")), True),
        ((("model", "gpt-4o-transcribe-diarize"),), True),
        ((("model", "gpt-4o-transcribe-diarize"), ("response_format", "json")), False),
        ((("model", "gpt-4o-transcribe-diarize"), ("diarize", "false")), False),
    ],
)
async def test_a_stream_says_who_speaks_where_an_answer_would(
    dialogue: Served, fields: Sequence[tuple[str, str]], told: bool
) -> None:
    answer = await post(dialogue, TRANSCRIPTIONS, python_form(*fields, ("stream", "true")), SSE)
    heard = events(answer.text, ends_with_done=False)
    segments = [each["speaker"] for each in heard if each["type"] == "transcript.text.segment"]
    assert segments == (["A", "B"] if told else [])
    assert heard[-1]["text"] == "Is it late? Not yet."

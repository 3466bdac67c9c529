"""Recordings sent to ``/v1/listen`` as Deepgram's clients send them."""

from __future__ import annotations

import hashlib
import uuid
import wave
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import httpx2
import msgspec
import pytest

from auricle.errors import BadMedia, Overloaded
from auricle.types import (
    AudioTrack,
    DecodeOptions,
    Language,
    Segment,
    Speaker,
    SpeakerOptions,
    Word,
)
from tests.server.conftest import Served, serving, settings
from tests.server.dialects.answers import spoken
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELLO = (
    Word(" Hello", 0.5, 1.0, 0.5),
    Word(" there.", 1.0, 1.5, 0.75),
)
AND_YOU = (Word(" And", 3.0, 3.25, 0.9), Word(" um,", 3.25, 3.5, 0.6), Word(" you?", 3.5, 4.0, 0.8))
STEPS: Sequence[Segment] = (
    spoken(" Hello there.", 0.5, 1.5, HELLO),
    spoken(" And um, you?", 3.0, 4.0, AND_YOU),
)

WANTS_WORDS = DecodeOptions(language="en", words=True)


@pytest.fixture
def listening(served: Served) -> Served:
    served.runtime.steps = STEPS
    served.runtime.duration_s = 4.5
    return served


async def listen(
    served: Served,
    query: str = "model=nova-3",
    body: bytes = b"audio",
    kind: str = "application/octet-stream",
    **headers: str,
) -> httpx2.Response:
    async with served.http() as http:
        return await http.post(
            f"/v1/listen?{query}", content=body, headers={"content-type": kind, **headers}
        )


def alternative(answer: httpx2.Response, channel: int = 0) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["results"]["channels"][channel]["alternatives"][0]
    return found


def refused(answer: httpx2.Response) -> tuple[int, str, str]:
    body = answer.json()
    uuid.UUID(body["request_id"])
    assert answer.headers["dg-request-id"] == body["request_id"]
    line = " ".join(body["err_msg"].split()).encode("ascii", "replace").decode()
    assert answer.headers["dg-error"] == line[:500]
    return answer.status_code, body["err_code"], body["err_msg"]


async def test_the_whole_answer(listening: Served) -> None:
    answer = await listen(listening)
    body = answer.json()
    name = body["metadata"]["request_id"]
    model = answer.headers["dg-model-uuid"]
    created = body["metadata"].pop("created")
    assert body == {
        "metadata": {
            "transaction_key": "deprecated",
            "request_id": str(uuid.UUID(name)),
            "sha256": hashlib.sha256(b"audio").hexdigest(),
            "duration": 4.5,
            "channels": 1,
            "models": [model],
            "model_info": {model: {"name": "base", "version": "0.1.0", "arch": "whisper"}},
        },
        "results": {
            "channels": [
                {
                    "alternatives": [
                        {
                            "transcript": "hello there and you",
                            "confidence": 0.8,
                            "words": [
                                {"word": "hello", "start": 0.5, "end": 1.0, "confidence": 0.5},
                                {"word": "there", "start": 1.0, "end": 1.5, "confidence": 0.75},
                                {"word": "and", "start": 3.0, "end": 3.25, "confidence": 0.9},
                                {"word": "you", "start": 3.5, "end": 4.0, "confidence": 0.8},
                            ],
                        }
                    ]
                }
            ]
        },
    }
    assert created.endswith("Z")
    assert len(created) == len("2025-07-22T16:56:44.589Z")
    assert (answer.headers["dg-request-id"], answer.headers["dg-model-name"]) == (name, "base")
    assert listening.runtime.asked == [(b"audio", WANTS_WORDS)]


async def test_the_log_and_the_answer_have_one_id(listening: Served) -> None:
    answer = await listen(listening)
    digits = answer.headers["dg-request-id"].replace("-", "")
    assert answer.headers["x-request-id"] == f"req_{digits}"


async def test_punctuation_paragraphs_and_utterances(listening: Served) -> None:
    query = "model=nova-2&smart_format=true&utterances=true&filler_words=true"
    answer = await listen(listening, query)
    found = alternative(answer)
    assert found["transcript"] == "Hello there. And um, you?"
    assert found["words"][3] == {
        "word": "um",
        "start": 3.25,
        "end": 3.5,
        "confidence": 0.6,
        "punctuated_word": "um,",
    }
    assert found["paragraphs"] == {
        "transcript": "\nHello there.\n\nAnd um, you?",
        "paragraphs": [
            {
                "sentences": [{"text": "Hello there.", "start": 0.5, "end": 1.5}],
                "start": 0.5,
                "end": 1.5,
                "num_words": 2,
            },
            {
                "sentences": [{"text": "And um, you?", "start": 3.0, "end": 4.0}],
                "start": 3.0,
                "end": 4.0,
                "num_words": 3,
            },
        ],
    }
    utterances = answer.json()["results"]["utterances"]
    assert [(each["transcript"], each["start"], each["end"]) for each in utterances] == [
        ("Hello there.", 0.5, 1.5),
        ("And um, you?", 3.0, 4.0),
    ]
    one = await listen(listening, "utterances=true&utt_split=2")
    assert len(one.json()["results"]["utterances"]) == 1


@pytest.mark.parametrize("query", ["diarize=true", "diarize_model=latest"])
async def test_speakers_are_numbers_in_the_order_they_are_heard(
    listening: Served, query: str
) -> None:
    listening.runtime.steps = [
        spoken(
            segment.text,
            segment.start_s,
            segment.end_s,
            tuple(msgspec.structs.replace(word, speaker=name) for word in segment.words or ()),
        )
        for segment, name in zip(STEPS, ("B", "A"), strict=True)
    ]
    listening.runtime.speakers = (Speaker("B", False, 1.0), Speaker("A", False, 1.0))
    answer = await listen(listening, f"{query}&punctuate=true&paragraphs=true&utterances=true")
    found = alternative(answer)
    assert [word["speaker"] for word in found["words"]] == [0, 0, 1, 1]
    assert [each["speaker"] for each in found["paragraphs"]["paragraphs"]] == [0, 1]
    assert [each["speaker"] for each in answer.json()["results"]["utterances"]] == [0, 1]
    assert listening.runtime.asked[0][1].speakers == SpeakerOptions()


async def test_languages_are_detected_when_asked(listening: Served) -> None:
    listening.runtime.language = Language("de", 0.875)
    answer = await listen(listening, "detect_language=true&language=en")
    channel = answer.json()["results"]["channels"][0]
    assert (channel["detected_language"], channel["language_confidence"]) == ("de", 0.875)
    await listen(listening, "detect_language=de&detect_language=fr-CA")
    await listen(listening, "language=de-AT&detect_language=false")
    several = await listen(listening, "language=multi&language_hint=de&language_hint=en")
    assert [options for _, options in listening.runtime.asked] == [
        DecodeOptions(words=True),
        DecodeOptions(words=True, languages=("de", "fr")),
        DecodeOptions(words=True, language="de"),
        DecodeOptions(words=True, languages=("de", "en"), language_detection="window"),
    ]
    assert alternative(several)["languages"] == ["de"]
    assert {word["language"] for word in alternative(several)["words"]} == {"de"}


async def test_terms_are_told_to_the_model(listening: Served) -> None:
    query = "keywords=Auricle:2.5&keywords=a:b&keyterm=New+York&keyterm=one,two&model=nova-3"
    await listen(listening, query)
    asked = listening.runtime.asked[0][1]
    assert asked.keywords == ("New York", "one,two", "Auricle", "a:b")
    assert asked.keyword_boosts == (("Auricle", 2.5),)


@pytest.mark.parametrize(
    ("query", "keywords", "boosts"),
    [
        ("keywords=um:-3", ("um",), (("um", -3.0),)),
        ("keywords=%20New++York:2", ("New York",), (("New York", 2.0),)),
        ("keywords=a:1&keywords=b:1.0", ("a", "b"), ()),
        ("keywords=a:nan&keywords=b:inf", ("a:nan", "b:inf"), ()),
        ("keywords=:2", (":2",), ()),
    ],
)
async def test_a_boost_stands_behind_a_colon(
    listening: Served, query: str, keywords: tuple[str, ...], boosts: tuple[tuple[str, float], ...]
) -> None:
    await listen(listening, query)
    asked = listening.runtime.asked[0][1]
    assert (asked.keywords, asked.keyword_boosts) == (keywords, boosts)


async def test_searching_replacing_tags_and_extras(listening: Served) -> None:
    query = (
        "search=hello+there&search=nobody&replace=and:or&replace[you]=me&punctuate=true"
        "&tag=one&tag=two&extra=key:a:b&extra=key2:c&extra=[object+Object]"
    )
    answer = await listen(listening, query)
    channel = answer.json()["results"]["channels"][0]
    assert channel["search"] == [
        {
            "query": "hello there",
            "hits": [
                {"confidence": 0.75, "start": 0.5, "end": 1.5, "snippet": "Hello there. or me?"}
            ],
        },
        {"query": "nobody", "hits": []},
    ]
    metadata = answer.json()["metadata"]
    assert (metadata["tags"], metadata["extra"]) == (["one", "two"], {"key": "a:b", "key2": "c"})


async def test_silence_is_an_empty_text(listening: Served) -> None:
    listening.runtime.steps, listening.runtime.language = (), None
    answer = await listen(listening, "paragraphs=true&utterances=true&detect_language=true")
    assert answer.json()["results"] == {
        "channels": [
            {
                "alternatives": [
                    {
                        "transcript": "",
                        "confidence": 0.0,
                        "words": [],
                        "paragraphs": {"transcript": "", "paragraphs": []},
                    }
                ]
            }
        ],
        "utterances": [],
    }


async def test_channels_are_read_one_by_one(listening: Served) -> None:
    listening.runtime.track = AudioTrack(1, 1, n_channels=2)
    answer = await listen(listening, "multichannel=true&utterances=true")
    assert answer.json()["metadata"]["channels"] == 2
    assert [alternative(answer, i)["transcript"] for i in (0, 1)] == ["hello there and you"] * 2
    assert [options.audio_channel for _, options in listening.runtime.asked] == [0, 1]
    assert [each["channel"] for each in answer.json()["results"]["utterances"]] == [0, 1, 0, 1]
    listening.runtime.track = AudioTrack(1, 1, n_channels=21)
    assert refused(await listen(listening, "multichannel=true"))[:2] == (
        400,
        "INVALID_QUERY_PARAMETER",
    )


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("nova-3", "whisper-1"),
        ("nova-2-medical", "whisper-1"),
        ("base", "base"),
        ("whisper-large", "whisper-1"),
        ("small", "small"),
        ("general", "whisper-1"),
        ("2-general-nova", "whisper-1"),
        ("", "whisper-1"),
    ],
)
async def test_which_model_is_meant(listening: Served, model: str, meant: str) -> None:
    """Deepgram's own names stand for the served model, unless one here is called so."""
    assert (await listen(listening, f"model={model}")).status_code == 200
    assert listening.runtime.models == [meant]


async def test_a_model_nobody_knows_is_refused(listening: Served) -> None:
    assert refused(await listen(listening, "model=parakeet")) == (
        404,
        "MODEL_NOT_FOUND",
        "The model `parakeet` is not here.",
    )


async def test_argmaxs_clients_may_name_any_model() -> None:
    runtime = FakeRuntime(settings(dialect="whisperkit"))
    async with serving(runtime) as served:
        await runtime.started.wait()
        answer = await listen(served, "model=large-v3-v20240930_626MB")
    assert (answer.status_code, runtime.models) == (200, ["whisper-1"])


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("encoding=linear16&sample_rate=8000&channels=2", "application/octet-stream"),
        ("sample_rate=8000&channels=2", "audio/raw;encoding=linear16;rate=16000"),
        ("channels=2", "audio/raw;encoding=linear16;rate=8000"),
    ],
)
async def test_raw_samples_become_a_file(listening: Served, query: str, kind: str) -> None:
    """The query counts before the content type."""
    await listen(listening, query, b"\1\2\3\4", kind)
    file = listening.runtime.asked[0][0]
    assert file.endswith(b"data\xff\xff\xff\xff\1\2\3\4")
    known_length = file[:40].replace(b"\xff\xff\xff\xff", b"\x28\0\0\0") + b"\4\0\0\0\1\2\3\4"
    with wave.open(BytesIO(known_length)) as read:
        assert read.getparams()[:4] == (2, 2, 8000, 1)


async def test_a_file_needs_no_header_whatever_is_said_of_it(listening: Served) -> None:
    await listen(listening, "encoding=linear16&sample_rate=8000", b"RIFF-audio")
    await listen(listening, "encoding=flac&sample_rate=8000", b"fLaC-audio")
    assert [body for body, _ in listening.runtime.asked] == [b"RIFF-audio", b"fLaC-audio"]


@pytest.mark.parametrize("encoding", ["mulaw", "alaw", "linear32", "LINEAR16"])
async def test_every_raw_encoding(listening: Served, encoding: str) -> None:
    await listen(listening, f"encoding={encoding}&sample_rate=8000", b"12345678")
    assert listening.runtime.asked[0][0][:4] == b"RIFF"


@pytest.mark.parametrize(
    "query",
    [
        "unknown=1&detect_entities=true&sentiment=true&topics=true&intents=true&summarize=v2"
        "&mip_opt_out=true&numerals=true&measurements=true&dictation=true&version=latest"
        "&tier=enhanced&alternatives=1&interim_results=true&redact=false&diarize=false",
        "profanity_filter=1&punctuate=False&channels=1&model=none&language=",
    ],
)
async def test_what_is_ignored(listening: Served, query: str) -> None:
    assert alternative(await listen(listening, query))["transcript"] == "hello there and you"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("punctuate=yes", "Invalid 'punctuate' value of 'yes'. Allowed is true or false."),
        ("redact=pci", "Invalid 'redact' value of 'pci'. It is not supported: "),
        ("diarize=yes", "Invalid 'diarize' value of 'yes'. Allowed is true or false."),
        ("callback=http://a.b/c", "Invalid 'callback' value of 'http://a.b/c'. It is not sup"),
        ("utt_split=-1", "Invalid 'utt_split' value of '-1'. Allowed is a number from 0 to 60."),
        ("language=klingon", "Invalid language 'klingon'. Language parameter must be specified"),
        ("encoding=g729&sample_rate=8000", "Invalid 'encoding' value of 'g729'. Allowed is one "),
        ("encoding=linear16", "'encoding' of 'linear16' needs a 'sample_rate' of 8000 to 48000."),
        (
            "encoding=linear16&sample_rate=96000",
            "Invalid 'sample_rate' value of '96000'. Allowed is a number from 8000 to 48000.",
        ),
        ("encoding=linear16&sample_rate=8000&channels=1.5", "Invalid 'channels' value of '1.5'"),
        ("encoding=linear16&sample_rate=8000&channels=21", "Invalid 'channels' value of '21'."),
        ("replace=:", "Invalid 'replace' value of ':'. Allowed is find:replacement."),
        ("keyterm=%3Cb%3E", "Invalid 'keyterm' value of '<b>'. Allowed is text without <, > "),
        ("&".join(["keyterm=a" + str(i) for i in range(101)]), "Keyterm limit exceeded: 101 te"),
        ("tag=" + "x" * 129, "Invalid 'tag' value of 'xxxxxxx"),
        ("&".join(["search=a"] * 101), "Invalid 'search' value of '101 of them'. Allowed is at "),
    ],
)
async def test_what_is_refused(listening: Served, query: str, message: str) -> None:
    status, code, said = refused(await listen(listening, query))
    assert (status, code) == (400, "INVALID_QUERY_PARAMETER")
    assert said.startswith(message)
    assert listening.runtime.asked == []


async def test_addresses_are_not_fetched(listening: Served) -> None:
    answer = await listen(listening, "model=nova-3", b'{"url":"http://a.b/c"}', "application/json")
    status, code, message = refused(answer)
    assert (status, code) == (400, "Bad Request")
    assert "the body must be the recording itself" in message


async def test_bodies_that_are_no_audio(listening: Served) -> None:
    assert refused(await listen(listening, body=b"")) == (
        400,
        "Bad Request",
        "Bad Request: failed to process audio: The body is empty (0 bytes); it must be the "
        "recording itself.",
    )
    listening.runtime.refusal = BadMedia("The file is text, not audio.")
    assert refused(await listen(listening)) == (
        400,
        "Bad Request",
        "Bad Request: failed to process audio: The file is text, not audio.",
    )


async def test_too_large_and_too_many(listening: Served) -> None:
    large = b"x" * (1024 * 1024 + 1)
    assert refused(await listen(listening, body=large))[:2] == (413, "PAYLOAD_TOO_LARGE")
    listening.runtime.overload = Overloaded("Busy.", retry_after_s=1.5)
    answer = await listen(listening)
    assert refused(answer) == (429, "TOO_MANY_REQUESTS", "Busy.")
    assert answer.headers["retry-after"] == "2"


async def test_keys_and_pages() -> None:
    runtime = FakeRuntime(settings(api_keys=("secret",)))
    async with serving(runtime) as served:
        await runtime.started.wait()
        ways = ("Token secret", "token secret", "Bearer secret", "bearer secret")
        let_in = [await listen(served, authorization=way) for way in ways]
        wrong = await listen(served, authorization="Token wrong")
        none = await listen(served)
        page = await listen(served, authorization="Token secret", origin="https://a.example")
    assert [answer.status_code for answer in let_in] == [200] * 4
    assert [refused(answer)[:2] for answer in (wrong, none, page)] == [
        (401, "INVALID_AUTH"),
        (401, "INVALID_AUTH"),
        (403, "INSUFFICIENT_PERMISSIONS"),
    ]


async def test_an_error_in_an_answer_that_has_begun() -> None:
    """The headers went out because it took long; the body is then the error."""
    runtime = FakeRuntime(settings(early_headers_s=0.01))
    async with serving(runtime) as served:
        await runtime.started.wait()
        runtime.steps = (runtime.opened_twice, BadMedia("The rest is damaged."))
        async with served.http() as http:
            request = http.stream("POST", "/v1/listen", content=b"audio")
            async with request as answer:
                runtime.opened_twice.set()
                body = httpx2.Response(200, content=await answer.aread()).json()
        assert answer.status_code == 200
    assert (body["err_code"], body["err_msg"]) == (
        "Bad Request",
        "Bad Request: failed to process audio: The rest is damaged.",
    )


async def test_a_bug_is_told_as_one(listening: Served) -> None:
    listening.runtime.steps = (RuntimeError("a bug"),)
    status, code, message = refused(await listen(listening))
    assert (status, code) == (500, "INTERNAL_SERVER_ERROR")
    assert "req_" in message

"""The official client gets what it gets from OpenAI: every format, both endpoints, streams."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
import openai
import pytest

from auricle.errors import BadMedia, EngineFailed, InvalidRequest, Overloaded
from auricle.segment_stream import EarlyWords
from auricle.types import AudioTrack, DecodeOptions, Token, Word
from tests.server.conftest import Log, Served
from tests.server.fakes import said

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = ("speech.wav", b"RIFF and so on")


async def test_json_with_the_sync_client(served: Served) -> None:
    def ask() -> openai.types.audio.Transcription:
        with served.client() as client:
            return client.audio.transcriptions.create(model="whisper-1", file=FILE)

    answer = await asyncio.to_thread(ask)
    assert answer.to_dict() == {
        "text": "Hello there. And you.",
        "usage": {"type": "duration", "seconds": 3},
    }
    assert answer._request_id is not None
    assert served.runtime.asked == [(FILE[1], DecodeOptions())]


async def test_verbose_json_with_the_async_client(served: Served) -> None:
    async with served.async_client() as client:
        answer = await client.audio.transcriptions.create(
            model="base",
            file=FILE,
            response_format="verbose_json",
            timestamp_granularities=["segment"],
            language="en",
            prompt="Names: Auricle",
            temperature=0.5,
            chunking_strategy={"type": "server_vad", "threshold": 0.75},
            extra_body={"decoding": "fast"},
        )
    assert answer.to_dict() == {
        "task": "transcribe",
        "language": "english",
        "language_probability": 0.9,
        "duration": 2.5,
        "text": "Hello there. And you.",
        "segments": [
            {
                "id": i,
                "seek": 0,
                "start": start_s,
                "end": end_s,
                "text": text,
                "tokens": [1, 2],
                "temperature": 0.0,
                "avg_logprob": -0.25,
                "compression_ratio": 1.25,
                "no_speech_prob": 0.125,
            }
            for i, (start_s, end_s, text) in enumerate(
                [(0.0, 1.0, " Hello there."), (1.0, 2.5, " And you.")]
            )
        ],
        "usage": {"type": "duration", "seconds": 3},
    }
    wanted = DecodeOptions(
        "transcribe", "en", "Names: Auricle", 0.5, "fast", vad=True, vad_threshold=0.75
    )
    assert served.runtime.asked == [(FILE[1], wanted)]


@pytest.mark.parametrize(
    ("response_format", "body"),
    [
        ("text", "Hello there. And you.\n"),
        (
            "srt",
            "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n"
            "2\n00:00:01,000 --> 00:00:02,500\nAnd you.\n\n",
        ),
        (
            "vtt",
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello there.\n\n"
            "00:00:01.000 --> 00:00:02.500\nAnd you.\n\n",
        ),
    ],
)
async def test_text_formats_are_plain_text(
    served: Served, response_format: Literal["text", "srt", "vtt"], body: str
) -> None:
    async with served.async_client() as client:
        answer = await client.audio.transcriptions.with_raw_response.create(
            model="gpt-4o-transcribe",
            file=FILE,
            response_format=response_format,
        )
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.content.decode() == body


async def test_a_translation(served: Served) -> None:
    async with served.async_client() as client:
        with pytest.warns(DeprecationWarning, match="deprecated"):
            answer = await client.audio.translations.create(
                model="whisper-1", file=FILE, response_format="verbose_json"
            )
    assert answer.to_dict()["task"] == "translate"
    assert answer.language == "english"
    assert served.runtime.asked == [(FILE[1], DecodeOptions(task="translate"))]


async def test_silence_is_an_empty_text(served: Served) -> None:
    served.runtime.steps, served.runtime.language = (), None
    async with served.async_client() as client:
        answer = await client.audio.transcriptions.create(model="whisper-1", file=FILE)
    assert answer.text == ""


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe", "base"])
async def test_a_stream_says_what_a_plain_answer_says(served: Served, model: str) -> None:
    served.runtime.steps = (said("  Hello "), said(" "), said(" there.  "), said("你好"), said(" "))
    async with served.async_client() as client:
        stream = await client.audio.transcriptions.create(model=model, file=FILE, stream=True)
        events = [event.to_dict() async for event in stream]
    assert events == [
        {"type": "transcript.text.delta", "delta": "Hello"},
        {"type": "transcript.text.delta", "delta": "   there."},
        {"type": "transcript.text.delta", "delta": "  你好"},
        {
            "type": "transcript.text.done",
            "text": "Hello   there.  你好",
            "usage": {"type": "duration", "seconds": 3},
        },
    ]


async def test_token_probabilities_plain_and_streamed(served: Served) -> None:
    tokens = (Token(7, b" Hi", -0.5), Token(8, b".", -0.25))
    served.runtime.steps = [msgspec.structs.replace(said(" Hi."), logprobs=tokens)]
    shown = [
        {"token": " Hi", "logprob": -0.5, "bytes": [32, 72, 105]},
        {"token": ".", "logprob": -0.25, "bytes": [46]},
    ]
    async with served.async_client() as client:
        answer = await client.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=FILE, include=["logprobs"]
        )
        stream = await client.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=FILE, include=["logprobs"], stream=True
        )
        events = [event.to_dict() async for event in stream]
    assert answer.to_dict()["logprobs"] == shown
    assert events == [
        {"type": "transcript.text.delta", "delta": "Hi.", "logprobs": shown},
        {
            "type": "transcript.text.done",
            "text": "Hi.",
            "logprobs": shown,
            "usage": {"type": "duration", "seconds": 3},
        },
    ]
    assert [options.logprobs for _, options in served.runtime.asked] == [True, True]


async def test_word_times_with_the_async_client(served: Served) -> None:
    word = Word(" Hi.", 0.25, 0.75, 0.875)
    served.runtime.steps = [msgspec.structs.replace(said(" Hi."), words=(word,))]
    async with served.async_client() as client:
        answer = await client.audio.transcriptions.create(
            model="whisper-1",
            file=FILE,
            response_format="verbose_json",
            timestamp_granularities=["word"],
        )
    assert answer.to_dict() == {
        "task": "transcribe",
        "language": "english",
        "language_probability": 0.9,
        "duration": 2.5,
        "text": "Hi.",
        "words": [{"word": "Hi.", "start": 0.25, "end": 0.75, "probability": 0.875}],
        "usage": {"type": "duration", "seconds": 3},
    }
    [(_, options)] = served.runtime.asked
    assert options.words


async def test_a_stream_with_the_sync_client_sends_text_before_the_end(served: Served) -> None:
    more = asyncio.Event()
    loop = asyncio.get_running_loop()
    served.runtime.steps = (said(" One."), more, said(" Two."))

    def ask() -> list[str]:
        with served.client() as client:
            stream = client.audio.transcriptions.create(model="whisper-1", file=FILE, stream=True)
            deltas = []
            for event in stream:
                if event.type == "transcript.text.delta":
                    deltas.append(event.delta)
                    loop.call_soon_threadsafe(more.set)
            return deltas

    assert await asyncio.to_thread(ask) == ["One.", " Two."]


async def test_a_stream_sends_words_before_their_segment_is_read(served: Served) -> None:
    served.runtime.steps = (EarlyWords(" One"), EarlyWords(" One two"), said(" One two three."))
    async with served.async_client() as client:
        stream = await client.audio.transcriptions.create(model="whisper-1", file=FILE, stream=True)
        events = [event.to_dict() async for event in stream]
        plain = await client.audio.transcriptions.create(model="whisper-1", file=FILE)
    assert [event.get("delta") for event in events] == ["One", " two", " three.", None]
    assert events[-1]["text"] == plain.text == "One two three."


async def test_another_model_answers_when_it_is_named(served: Served) -> None:
    async with served.async_client() as client:
        await client.audio.transcriptions.create(model="Systran/faster-whisper-small", file=FILE)
    assert served.runtime.models == ["Systran/faster-whisper-small"]


async def test_an_unknown_model_is_refused_before_its_audio_is_looked_at(served: Served) -> None:
    async with served.async_client() as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.audio.transcriptions.create(model="whisper-9", file=FILE)
    assert caught.value.body == {
        "message": "The model `whisper-9` is not here.",
        "type": "invalid_request_error",
        "param": None,
        "code": "model_not_found",
    }
    assert served.runtime.models == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (InvalidRequest("no", param="language", code="unsupported"), openai.BadRequestError),
        (BadMedia("no", param="file", code="invalid_value"), openai.BadRequestError),
        (Overloaded("no", code="rate_limit_exceeded", retry_after_s=1), openai.RateLimitError),
        (EngineFailed("no"), openai.InternalServerError),
    ],
)
async def test_an_error_before_the_first_byte_is_the_right_exception(
    served: Served, refusal: InvalidRequest, kind: type[openai.APIStatusError], stream: bool
) -> None:
    for as_refusal in (True, False):
        served.runtime.refusal = refusal if as_refusal else None
        served.runtime.steps = (refusal,)
        async with served.async_client() as client:
            with pytest.raises(kind) as caught:
                await client.audio.transcriptions.create(
                    model="whisper-1", file=FILE, stream=stream
                )
        error = caught.value
        assert (error.status_code, error.body) == (
            refusal.status,
            {
                "message": "no",
                "type": refusal.type,
                "param": refusal.param,
                "code": refusal.code,
            },
        )
        assert error.request_id is not None


async def test_an_error_in_the_middle_of_a_stream_is_an_event(served: Served) -> None:
    served.runtime.steps = (said(" One."), EngineFailed("the model process died"))
    async with served.async_client() as client:
        stream = await client.audio.transcriptions.create(model="whisper-1", file=FILE, stream=True)
        with pytest.raises(openai.APIError, match="the model process died") as caught:
            async for _ in stream:
                pass
    assert caught.value.type == "server_error"


async def test_a_bug_in_the_middle_of_a_stream_does_not_leak(served: Served, log: Log) -> None:
    served.runtime.steps = (said(" One."), RuntimeError("secret"))
    async with served.http() as http:
        answer = await http.post(
            "/v1/audio/transcriptions",
            data={"model": "base", "stream": "true"},
            files={"file": FILE},
        )
    name = answer.headers["x-request-id"]
    assert answer.text == (
        "event: transcript.text.delta\n"
        'data: {"type":"transcript.text.delta","delta":"One."}\n\n'
        "event: error\n"
        'data: {"error":{"message":"The server had an error while processing your request. Its '
        f'log says more under the request id {name}.","type":"server_error","param":null,'
        '"code":null}}\n\n'
    )
    assert log.lines[0] == f"a bug ({name})"


async def test_the_bytes_of_a_stream(served: Served) -> None:
    """Events had no ``event:`` line, so SubtitleEdit and mistralai, which go by it, had no text."""
    async with served.http() as http:
        answer = await http.post(
            "/v1/audio/translations",
            data={"model": "whisper-1", "stream": "true", "response_format": "text"},
            files={"file": FILE},
        )
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.text == (
        "event: transcript.text.delta\n"
        'data: {"type":"transcript.text.delta","delta":"Hello there."}\n\n'
        "event: transcript.text.delta\n"
        'data: {"type":"transcript.text.delta","delta":" And you."}\n\n'
        "event: transcript.text.done\n"
        'data: {"type":"transcript.text.done","text":"Hello there. And you.",'
        '"usage":{"seconds":3,"type":"duration"}}\n\n'
        "data: [DONE]\n\n"
    )


async def test_bad_values_reach_the_client(served: Served) -> None:
    async with served.async_client() as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.audio.transcriptions.create(model="whisper-1", file=FILE, temperature=3)
    assert (caught.value.param, caught.value.code) == ("temperature", "decimal_above_max_value")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_cancels_its_transcription(served: Served, stream: bool) -> None:
    served.runtime.steps = (asyncio.Event(), said(" never"))
    async with served.http() as http:
        asking = asyncio.create_task(
            http.post(
                "/v1/audio/transcriptions",
                data={"model": "base", "stream": str(stream)},
                files={"file": FILE},
            )
        )
        await served.runtime.opened.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await served.runtime.cancelled.wait()


async def test_a_reader_that_leaves_a_stream_cancels_it(served: Served) -> None:
    served.runtime.steps = (said(" One."), asyncio.Event())
    async with served.async_client() as client:
        stream = await client.audio.transcriptions.create(model="whisper-1", file=FILE, stream=True)
        async for _ in stream:
            break
        await stream.close()
    await served.runtime.cancelled.wait()


WARNINGS = ("1.0 s are damaged.", "The audio ends after 3.0 s.")


async def test_an_answer_says_which_track_was_read_and_what_was_not(served: Served) -> None:
    served.runtime.track = AudioTrack(2, 3, "de")
    served.runtime.warnings = WARNINGS
    async with served.async_client() as client:
        create = client.audio.transcriptions.with_raw_response.create
        answer = await create(model="base", file=FILE, response_format="verbose_json")
        plain = await create(model="base", file=FILE, extra_body={"audio_track": "de"})
    assert answer.headers.get_list("x-auricle-warning") == list(WARNINGS)
    assert answer.headers["x-auricle-audio-track"] == "2 of 3; language=de"
    body = msgspec.json.decode(answer.content)
    assert body["audio_track"] == {"number": 2, "count": 3, "language": "de"}
    assert body["warnings"] == list(WARNINGS)
    assert plain.headers.get_list("x-auricle-warning") == list(WARNINGS)
    assert msgspec.json.decode(plain.content).keys() == {"text", "usage"}
    assert served.runtime.asked[-1][1].audio_track == "de"


async def test_a_whole_file_of_one_track_is_not_remarked_on(served: Served) -> None:
    async with served.async_client() as client:
        create = client.audio.transcriptions.with_raw_response.create
        answer = await create(model="base", file=FILE, response_format="verbose_json")
    assert {"x-auricle-warning", "x-auricle-audio-track"} & set(answer.headers) == set()
    assert {"audio_track", "warnings"} & msgspec.json.decode(answer.content).keys() == set()


async def test_a_stream_ends_with_what_could_not_be_read(served: Served) -> None:
    served.runtime.track = AudioTrack(2, 3)
    served.runtime.warnings = WARNINGS
    async with served.async_client() as client:
        stream = await client.audio.transcriptions.with_raw_response.create(
            model="base", file=FILE, stream=True
        )
        events = [event async for event in stream.parse()]
    assert stream.headers["x-auricle-audio-track"] == "2 of 3"
    assert events[-1].to_dict()["warnings"] == list(WARNINGS)

"""Who says what, over HTTP: OpenAI's format and events, and everything else that names speakers."""

from __future__ import annotations

import asyncio
from base64 import b64encode

import msgspec
import pytest

from auricle.errors import BadMedia, ModelNotFound
from auricle.types import KnownVoice, Segment, Speaker, SpeakerOptions
from tests.server.conftest import Served
from tests.server.events import events as events_of
from tests.server.fakes import said

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = ("talk.wav", b"RIFF")
MODEL = "gpt-4o-transcribe-diarize"


def spoken(text: str, start_s: float, end_s: float, speaker: str) -> Segment:
    return msgspec.structs.replace(said(text, start_s, end_s), speaker=speaker)


TALK = (spoken(" Is it late?", 0.0, 1.0, "A"), spoken(" Not yet.", 1.0, 2.5, "Ann"))
SPEAKERS = (Speaker("A", False, 1.0, (1.0, 0.0)), Speaker("Ann", True, 1.5, (0.0, 1.0)))


def speak(served: Served) -> None:
    served.runtime.steps = TALK
    served.runtime.speakers = SPEAKERS


async def test_the_sdk_gets_diarized_json(served: Served) -> None:
    speak(served)
    reference = f"data:audio/wav;base64,{b64encode(b'ann').decode()}"
    async with served.async_client() as client:
        answer = await client.audio.transcriptions.create(
            file=FILE,
            model=MODEL,
            response_format="diarized_json",
            chunking_strategy="auto",
            known_speaker_names=["Ann"],
            known_speaker_references=[reference],
        )
    assert [(each.id, each.speaker, each.text, each.start) for each in answer.segments] == [
        ("seg_0", "A", " Is it late?", 0.0),
        ("seg_1", "Ann", " Not yet.", 1.0),
    ]
    assert (answer.text, answer.duration, answer.task) == (
        "Is it late? Not yet.",
        2.5,
        "transcribe",
    )
    [(_, options)] = served.runtime.asked
    assert options.speakers == SpeakerOptions(known=(KnownVoice("Ann", b"ann"),))


async def test_the_sdk_gets_a_stream_of_segments(served: Served) -> None:
    """Text comes as it is read; a segment follows when its speaker is known."""
    speak(served)
    async with served.async_client() as client:
        stream = await client.audio.transcriptions.create(
            file=FILE, model=MODEL, response_format="diarized_json", stream=True
        )
        events = [event.to_dict() async for event in stream]
    done = events.pop()
    assert [(each["type"], each.get("delta"), each.get("speaker")) for each in events] == [
        ("transcript.text.delta", "Is it late?", None),
        ("transcript.text.delta", " Not yet.", None),
        ("transcript.text.segment", None, "A"),
        ("transcript.text.segment", None, "Ann"),
    ]
    assert events[2] == {
        "type": "transcript.text.segment",
        "id": "seg_0",
        "start": 0.0,
        "end": 1.0,
        "text": " Is it late?",
        "speaker": "A",
    }
    assert (done["type"], done["text"]) == ("transcript.text.done", "Is it late? Not yet.")
    assert done["speakers"] == [
        {"speaker": "A", "known": False, "speech_s": 1.0},
        {"speaker": "Ann", "known": True, "speech_s": 1.5},
    ]


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_languages_are_told_beside_speakers(served: Served, stream: str) -> None:
    served.runtime.steps = tuple(msgspec.structs.replace(each, language="nl") for each in TALK)
    served.runtime.speakers = SPEAKERS
    form = {
        "model": "base",
        "response_format": "diarized_json",
        "include[]": "languages",
        "stream": stream,
    }
    async with served.http() as http:
        answer = await http.post("/v1/audio/transcriptions", data=form, files={"file": FILE})
    body = events_of(answer.text)[-1] if stream == "true" else answer.json()
    assert body["languages"] == [{"code": "nl"}]


async def test_a_plain_stream_is_not_held_back(served: Served) -> None:
    speak(served)
    waiting = asyncio.Event()
    served.runtime.steps = (TALK[0], waiting, TALK[1])
    async with served.async_client() as client:
        stream = await client.audio.transcriptions.create(file=FILE, model="base", stream=True)
        first = await anext(aiter(stream))
        assert first.to_dict() == {"type": "transcript.text.delta", "delta": "Is it late?"}
        waiting.set()
        rest = [event.to_dict() async for event in stream]
    assert rest[-1]["text"] == "Is it late? Not yet."
    assert "speakers" not in rest[-1]
    assert served.runtime.asked[0][1].speakers is None


async def test_verbose_json_with_embeddings(served: Served) -> None:
    speak(served)
    async with served.http() as http:
        form = {
            "model": "base",
            "response_format": "verbose_json",
            "diarize": "true",
            "num_speakers": "2",
            "speaker_embeddings": "true",
        }
        answer = await http.post("/v1/audio/transcriptions", data=form, files={"file": FILE})
    body = answer.json()
    assert [each["speaker"] for each in body["segments"]] == ["A", "Ann"]
    assert [each["embedding"] for each in body["speakers"]] == [[1.0, 0.0], [0.0, 1.0]]
    assert served.runtime.asked[0][1].speakers == SpeakerOptions(2, 2)


async def test_what_fails_before_the_answer_is_an_error(served: Served) -> None:
    served.runtime.refusal = ModelNotFound(
        "Speakers cannot be told apart: 'auricle models download speakers'.",
        code="model_not_found",
    )
    form = {"model": MODEL, "response_format": "diarized_json", "stream": "true"}
    async with served.http() as http:
        answer = await http.post("/v1/audio/transcriptions", data=form, files={"file": FILE})
    assert answer.status_code == 404
    assert "auricle models download speakers" in answer.json()["error"]["message"]


async def test_what_fails_later_ends_the_stream_with_an_error(served: Served) -> None:
    speak(served)
    served.runtime.steps = (TALK[0], BadMedia("The file ends early."))
    form = {"model": MODEL, "response_format": "diarized_json", "stream": "true"}
    async with served.http() as http:
        answer = await http.post("/v1/audio/transcriptions", data=form, files={"file": FILE})
    last = events_of(answer.text, ends_with_done=False)[-1]
    assert last["error"]["message"] == "The file ends early."

"""Who speaks when, over HTTP: as JSON, as RTTM, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from auricle.errors import ModelNotFound
from auricle.speakers.turns import Turn
from auricle.types import AudioTrack, DecodeOptions, Speaker, SpeakerOptions
from tests.server.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = ("talk.wav", b"RIFF")
PATH = "/v1/audio/diarization"


def speak(served: Served) -> None:
    served.runtime.speakers = (
        Speaker("Ann Lee", True, 1.5, (1.0, 0.0)),
        Speaker("A", False, 1.0, (0.0, 1.0)),
    )
    served.runtime.turns = (Turn(0.0, 1.5, 0), Turn(1.2504, 2.2504, 1))


async def ask(served: Served, **form: str) -> httpx2.Response:
    async with served.http() as http:
        return await http.post(PATH, data=form, files={"file": FILE})


async def test_json(served: Served) -> None:
    speak(served)
    answer = await ask(served, model="pyannote-diarization-3.1", num_speakers="2")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "task": "diarize",
        "duration": 2.5,
        "num_speakers": 2,
        "segments": [
            {"id": 0, "start": 0.0, "end": 1.5, "speaker": "Ann Lee"},
            {"id": 1, "start": 1.25, "end": 2.25, "speaker": "A"},
        ],
        "speakers": [
            {"speaker": "Ann Lee", "known": True, "speech_s": 1.5},
            {"speaker": "A", "known": False, "speech_s": 1.0},
        ],
        "usage": {"seconds": 3, "type": "duration"},
    }
    assert served.runtime.asked == [(b"RIFF", DecodeOptions(speakers=SpeakerOptions(2, 2)))]


async def test_rttm(served: Served) -> None:
    speak(served)
    answer = await ask(served, response_format="rttm")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == (
        "SPEAKER recording 1 0.000 1.500 <NA> <NA> Ann_Lee <NA> <NA>\n"
        "SPEAKER recording 1 1.250 1.000 <NA> <NA> A <NA> <NA>\n"
    )


async def test_embeddings_tracks_and_warnings(served: Served) -> None:
    speak(served)
    served.runtime.track = AudioTrack(2, 2, "de")
    served.runtime.warnings = ("It ends early.",)
    answer = await ask(served, speaker_embeddings="true", audio_track="2")
    body = answer.json()
    assert [each["embedding"] for each in body["speakers"]] == [[1.0, 0.0], [0.0, 1.0]]
    assert body["warnings"] == ["It ends early."]
    assert answer.headers["x-auricle-audio-track"] == "2 of 2; language=de"
    assert served.runtime.asked[0][1].audio_track == "2"


async def test_nobody(served: Served) -> None:
    body = (await ask(served)).json()
    assert (body["num_speakers"], body["segments"], body["speakers"]) == (0, [], [])
    assert (await ask(served, response_format="rttm")).text == ""


@pytest.mark.parametrize(
    ("form", "param", "message"),
    [
        (
            {"response_format": "text"},
            "response_format",
            "Invalid 'response_format': got 'text'. Supported values are: 'json', 'rttm'.",
        ),
        (
            {"min_speakers": "3", "max_speakers": "2"},
            "min_speakers",
            "Invalid 'min_speakers': got 3, but max_speakers is 2; it may be 2 at most.",
        ),
    ],
)
async def test_refusals(served: Served, form: dict[str, Any], param: str, message: str) -> None:
    answer = await ask(served, **form)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["message"]) == (400, param, message)


async def test_channels_are_for_transcriptions(served: Served) -> None:
    error = (await ask(served, channels="separate")).json()["error"]
    assert (error["param"], error["message"]) == (
        "channels",
        "Invalid 'channels': here voices are told apart; 'separate' is for transcriptions.",
    )


async def test_no_file(served: Served) -> None:
    async with served.http() as http:
        answer = await http.post(PATH, data={"num_speakers": "2"}, files={"none": (None, "")})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")


async def test_a_model_that_is_missing(served: Served) -> None:
    served.runtime.refusal = ModelNotFound("Not here.", code="model_not_found")
    answer = await ask(served)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")

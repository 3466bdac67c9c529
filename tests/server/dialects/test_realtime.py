"""OpenAI's Realtime API for transcription: every event, in its order and with its fields."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from auricle.errors import InvalidRequest, Overloaded
from auricle.live.commit import CommitRule
from auricle.live.effects import Final, Forgotten, TurnEnded, TurnFailed, TurnStarted, Update
from auricle.live.options import LiveOptions
from auricle.live.turns import TurnOptions
from auricle.types import DecodeOptions, Language, SpeakerOptions
from tests.live.saying import words
from tests.server.conftest import Served, serving, settings
from tests.server.dialects.realtime_client import (
    QUERY,
    TRANSCRIPTION,
    committed,
    completed,
    connected,
    delta,
    error,
    session,
    turns,
)
from tests.server.fakes import FakeRuntime
from tests.waiting import advance, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOWN: dict[str, Any] = {
    "type": "transcription",
    "object": "realtime.transcription_session",
    "id": "sess_1",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": None, "language": None, "prompt": None},
            "noise_reduction": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 200,
            },
        }
    },
    "include": None,
}
VAD = TurnOptions(silence_s=0.2)


# Sessions


async def test_a_session_begins(served: Served) -> None:
    async with connected(served) as client:
        shown = client.first["session"]
        assert shown.pop("expires_at") > 1_700_000_000
        assert client.first == {"type": "session.created", "session": SHOWN}
    [live] = served.runtime.lives
    assert (live.live, live.options) == (LiveOptions(turns=VAD), DecodeOptions())
    await live.closed.wait()


async def test_everything_can_be_configured(served: Served) -> None:
    given = {
        "format": {"type": "audio/pcmu"},
        "transcription": {
            "model": "gpt-4o-transcribe",
            "language": "de-DE",
            "languages": ["de", "english"],
            "keywords": [" Auricle  server", "Auricle  server"],
            "prompt": "Names: Ada",
            "delay": "xhigh",
        },
        "noise_reduction": {"type": "near_field", "strength": 0.5},
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.7,
            "prefix_padding_ms": 100,
            "silence_duration_ms": 900,
            "idle_timeout_ms": 6000,
            "create_response": True,
            "interrupt_response": None,
        },
    }
    include = [f"{TRANSCRIPTION.removeprefix('conversation.')}.{name}" for name in ("logprobs",)]
    async with connected(served) as client:
        await client.send("session.update", session={**session(**given), "include": include})
        updated = await client.next()
    assert updated["type"] == "session.updated"
    assert updated["session"]["include"] == include
    assert updated["session"]["audio"]["input"] == {
        "format": {"type": "audio/pcmu"},
        "transcription": {
            "model": "gpt-4o-transcribe",
            "language": "de",
            "languages": ["de", "en"],
            "keywords": ["Auricle server"],
            "prompt": "Names: Ada",
            "delay": "xhigh",
        },
        "noise_reduction": {"type": "near_field", "strength": 0.5},
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.7,
            "prefix_padding_ms": 100,
            "silence_duration_ms": 900,
            "idle_timeout_ms": 6000,
        },
    }
    [live] = served.runtime.lives
    assert live.configured == [
        (
            LiveOptions(
                turns=TurnOptions(threshold=0.7, prefix_padding_s=0.1, silence_s=0.9),
                language="de",
                rule=CommitRule(border_s=1.5),
            ),
            DecodeOptions(
                language="de",
                languages=("de", "en"),
                keywords=("Auricle server",),
                prompt="Names: Ada",
            ),
        )
    ]


async def test_what_is_left_out_stays_and_null_turns_off(served: Served) -> None:
    async with connected(served) as client:
        await client.update(
            transcription={"model": "whisper-1", "language": "en"},
            turn_detection={"type": "server_vad", "threshold": 0.9, "idle_timeout_ms": 5000},
            noise_reduction={"type": "far_field"},
        )
        changed = await client.update(
            transcription={"language": None},
            turn_detection={"type": "server_vad", "idle_timeout_ms": None},
        )
        shown = changed["session"]["audio"]["input"]
        assert shown["transcription"] == {"model": "whisper-1", "language": None, "prompt": None}
        assert shown["turn_detection"]["threshold"] == 0.9
        assert "idle_timeout_ms" not in shown["turn_detection"]
        assert shown["noise_reduction"] == {"type": "far_field"}
        changed = await client.update(transcription=None, turn_detection=None, noise_reduction=None)
        shown = changed["session"]["audio"]["input"]
        assert {shown[each] for each in ("transcription", "turn_detection")} == {None}
        assert shown["noise_reduction"] is None
        changed = await client.update(turn_detection={"type": "semantic_vad", "eagerness": "high"})
        shown = changed["session"]["audio"]["input"]
        assert shown["turn_detection"] == {"type": "semantic_vad", "eagerness": "high"}
    live, _ = served.runtime.lives[0].configured[-1]
    assert live.turns == TurnOptions(ending="semantic", max_wait_s=2.0)


@pytest.mark.parametrize("name", ["gpt-realtime-whisper", "gpt-live-transcribe-2026-01-01"])
async def test_clients_end_the_turns_of_streaming_models(served: Served, name: str) -> None:
    """LiveKit leaves turn_detection out for these, and commits by itself."""
    async with connected(served, f"{QUERY}&model={name}") as client:
        assert client.first["session"]["audio"]["input"]["turn_detection"] is None
        vad = {"type": "server_vad"}
        changed = await client.update(transcription={"model": name}, turn_detection=vad)
        assert changed["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    assert served.runtime.lives[0].live.turns == TurnOptions(ending="manual")


async def test_another_model_needs_another_stream(served: Served) -> None:
    served.runtime.live_says = turns("hello there")
    async with connected(served, "model=base") as client:
        await client.append()
        await client.append()
        await client.update(transcription={"model": "small"})
        await client.append()
    first, second = served.runtime.lives
    assert served.runtime.models == ["base", "small"]
    assert first.told == ["send", "send", "send", "finish"]
    await second.closed.wait()
    assert first.closed.is_set()
    assert abs(first.now_s - 0.4) < 1e-6, "what the resampler held back was sent as well"


# Speech


async def test_a_turn_that_silence_ends(served: Served) -> None:
    spoken = words("ask not")
    async with connected(served) as client:
        [live] = served.runtime.lives
        live.say(
            TurnStarted(1, 0.5),
            Update(1, (), spoken),
            Update(1, spoken[:1], spoken[1:]),
            TurnEnded(1, 0.5, 2.25),
            Update(1, spoken[1:], ()),
            Final(1, 0.5, 2.25, spoken, Language("en", 0.9)),
        )
        assert await client.several(8) == [
            {
                "type": "input_audio_buffer.speech_started",
                "audio_start_ms": 500,
                "item_id": "item_2",
            },
            delta("item_2", "ask"),
            {
                "type": "input_audio_buffer.speech_stopped",
                "audio_end_ms": 2250,
                "item_id": "item_2",
            },
            *committed("item_2", None),
            delta("item_2", " not"),
            completed("item_2", "ask not", 2, "en"),
        ]


async def test_turns_that_the_client_ends(served: Served) -> None:
    served.runtime.live_says = turns("one two", "three")
    async with connected(served, f"{QUERY}&model=gpt-realtime-whisper") as client:
        for _ in range(2):
            await client.append()
        assert await client.next() == delta("item_2", "one")
        await client.send("input_audio_buffer.commit")
        assert await client.several(5) == [
            *committed("item_2", None),
            delta("item_2", " two"),
            completed("item_2", "one two", 1, "en"),
        ]
        await client.append(b"\0\0" * 48_000)
        await client.send("input_audio_buffer.commit")
        assert await client.several(5) == [
            delta("item_3", "three"),
            *committed("item_3", "item_2"),
            completed("item_3", "three", 2, "en"),
        ]
        await client.append()
        await client.send("input_audio_buffer.commit")
        assert (await client.several(4))[3] == completed("item_4", "", 1)


async def test_silence_may_end_a_turn_that_the_client_was_to_end(served: Served) -> None:
    """What was never said to begin is not said to stop."""
    async with connected(served, f"{QUERY}&model=gpt-realtime-whisper") as client:
        [live] = served.runtime.lives
        spoken = words("one")
        live.say(TurnStarted(1, 0.0), Update(1, spoken, ()))
        assert await client.next() == delta("item_2", "one")
        changed = await client.update(turn_detection={"type": "server_vad"})
        assert changed["type"] == "session.updated"
        live.say(TurnEnded(1, 0.0, 1.5), Final(1, 0.0, 1.5, spoken, Language("en")))
        assert await client.several(4) == [
            *committed("item_2", None),
            completed("item_2", "one", 2, "en"),
        ]


async def test_an_item_begins_once(served: Served) -> None:
    """Though what ends turns changes, and changes again, while its turns go on."""
    spoken = words("one")
    async with connected(served) as client:
        [live] = served.runtime.lives
        live.say(TurnStarted(1, 0.0))
        assert (await client.next())["type"] == "input_audio_buffer.speech_started"
        await client.update(turn_detection=None)
        live.say(TurnEnded(1, 0.0, 1.5), Update(1, spoken, ()))
        assert (await client.next())["delta"] == "one"
        await client.update(turn_detection={"type": "server_vad"})
        live.say(TurnStarted(2, 1.5), TurnEnded(2, 1.5, 3.0))
        assert (await client.next())["type"] == "input_audio_buffer.speech_stopped"


async def test_a_turn_that_became_too_long_is_no_end_of_an_item(served: Served) -> None:
    async with connected(served, f"{QUERY}&model=gpt-realtime-whisper") as client:
        [live] = served.runtime.lives
        one, two = words("one"), words("two")
        live.say(
            TurnStarted(1, 0.0),
            Update(1, one, ()),
            TurnEnded(1, 0.0, 29.5),
            TurnStarted(2, 29.5),
            Final(1, 0.0, 29.5, one, Language("en")),
            Update(2, two, ()),
        )
        live.says = lambda live, told: (
            [TurnEnded(2, 29.5, live.now_s), Final(2, 29.5, live.now_s, two, Language("de"))]
            if told == "commit"
            else []
        )
        assert await client.several(2) == [delta("item_2", "one"), delta("item_2", " two")]
        await client.append(b"\0\0" * 24_000 * 31)
        await client.send("input_audio_buffer.commit")
        assert await client.several(4) == [
            *committed("item_2", None),
            completed("item_2", "one two", 31, "en", "de"),
        ]


async def test_the_end_of_a_stream_ends_an_item_whose_turns_are_over(served: Served) -> None:
    """One that became too long in a pause was never completed, as no turn ended behind it."""
    async with connected(served, f"{QUERY}&model=gpt-realtime-whisper") as client:
        [live] = served.runtime.lives
        spoken = words("one")
        live.say(
            TurnStarted(1, 0.0),
            Update(1, spoken, ()),
            TurnEnded(1, 0.0, 0.5),
            Final(1, 0.0, 0.5, spoken, Language("en")),
        )
        assert await client.next() == delta("item_2", "one")
        await client.append(b"\0\0" * 24_000)
        session = {
            "type": "transcription",
            "audio": {"input": {"transcription": {"model": "small"}}},
        }
        await client.send("session.update", session=session)
        assert await client.several(4) == [
            *committed("item_2", None),
            completed("item_2", "one", 1, "en"),
        ]


async def test_probabilities_times_and_what_is_tentative(served: Served) -> None:
    spoken = words("ask not")
    include = [f"item.input_audio_transcription.{n}" for n in ("logprobs", "words", "tentative")]
    async with connected(served) as client:
        await client.send("session.update", session={"type": "transcription", "include": include})
        assert (await client.next())["session"]["include"] == include
        [live] = served.runtime.lives
        live.say(TurnStarted(1, 0.0), Update(1, spoken[:1], spoken[1:]))
        shown = {
            "logprobs": [{"token": "ask", "logprob": -0.1, "bytes": [97, 115, 107]}],
            "words": [{"word": "ask", "start": 0.0, "end": 0.3, "probability": 0.9}],
        }
        assert (await client.several(3))[1:] == [
            delta("item_2", "ask", **shown),
            {
                "type": f"{TRANSCRIPTION}.tentative",
                "item_id": "item_2",
                "content_index": 0,
                "text": " not",
            },
        ]
        live.say(TurnEnded(1, 0.0, 1.0), Final(1, 0.0, 1.0, spoken[:1], None))
        assert (await client.several(5))[4] == completed("item_2", "ask", 1, **shown)


async def test_segments_have_speakers(served: Served) -> None:
    ask, who = (
        msgspec.structs.replace(word, speaker=name)
        for word, name in zip(words("ask who"), ("A", "B"), strict=True)
    )
    include = ["item.input_audio_transcription.segments"]
    async with connected(served) as client:
        await client.send("session.update", session={"type": "transcription", "include": include})
        assert (await client.next())["session"]["include"] == include
        live = served.runtime.lives[-1]
        assert live.options.speakers == SpeakerOptions()
        live.say(TurnStarted(1, 0.0), Update(1, (ask, who), ()))
        segments = (await client.several(4))[2:]
        assert segments == [
            {
                "type": f"{TRANSCRIPTION}.segment",
                "id": f"seg_{i}",
                "item_id": "item_2",
                "content_index": 0,
                "text": word.text,
                "speaker": word.speaker,
                "start": word.start_s,
                "end": word.end_s,
            }
            for i, word in enumerate((ask, who))
        ]
        late = msgspec.structs.replace(ask, speaker=None)
        live.say(Update(1, (late,), ()))
        assert (await client.several(2))[1]["speaker"] == "unknown"


async def test_items_without_text(served: Served) -> None:
    served.runtime.live_says = turns("hello", "again")
    async with connected(served, f"{QUERY}&model=gpt-realtime-whisper") as client:
        await client.update(transcription=None, turn_detection=None)
        for _ in range(2):
            await client.append()
            await client.send("input_audio_buffer.commit")
        assert await client.several(6) == [
            *committed("item_2", None),
            *committed("item_3", "item_2"),
        ]


async def test_audio_of_every_format(served: Served) -> None:
    async with connected(served) as client:
        await client.append(b"\0\x20" * 24_000 + b"\0")
        await client.append(b"\x20" + b"\0\x20" * 23_999)
        await client.update(format={"type": "audio/pcma"})
        await client.append(b"\xd5" * 8000)
        await client.update(format={"type": "audio/pcmu"})
        await client.append(b"\xff" * 8000)
    [live] = served.runtime.lives
    await live.closed.wait()
    assert live.now_s == pytest.approx(4.0, abs=0.1)
    assert np.allclose(live.pcm[1000:30_000], 0.25, atol=0.01), "a sample cut in two is one"
    assert np.abs(live.pcm[34_000:]).max() < 0.01


async def test_a_turn_that_could_not_be_read(served: Served) -> None:
    async with connected(served) as client:
        [live] = served.runtime.lives
        live.say(TurnStarted(1, 0.0), TurnEnded(1, 0.0, 1.0), TurnFailed(1, 0.0, 1.0, (), "torn"))
        events = await client.several(6)
        live.say(TurnStarted(2, 2.0))
        assert (await client.next())["type"] == "input_audio_buffer.speech_started"
    shown = {"type": "server_error", "code": None, "param": None}
    message = events[5]["error"].pop("message")
    assert message.startswith("Input transcription failed for item 'item_")
    assert events[5] == {
        "type": f"{TRANSCRIPTION}.failed",
        "item_id": "item_2",
        "content_index": 0,
        "error": shown,
    }


async def test_what_is_cleared_is_forgotten(served: Served) -> None:
    async with connected(served) as client:
        [live] = served.runtime.lives
        live.says = lambda _, told: [Forgotten(1)] if told == "clear" else []
        await client.append()
        live.say(TurnStarted(1, 0.0))
        await client.next()
        await client.send("input_audio_buffer.clear")
        assert await client.next() == {"type": "input_audio_buffer.cleared"}
        live.say(Update(1, words("gone"), ()))
        await client.send("input_audio_buffer.commit")
        refusal = await client.next()
        assert refusal["error"]["code"] == "input_audio_buffer_commit_empty"
        assert live.told[-1] == "clear"


async def test_what_began_just_before_it_was_cleared_holds_up_nothing(served: Served) -> None:
    """The stream had not said yet that somebody speaks; the next item never ended."""
    spoken = words("next")
    async with connected(served) as client:
        [live] = served.runtime.lives
        live.says = lambda _, told: [TurnStarted(1, 0.0), Forgotten(1)] if told == "clear" else []
        await client.send("input_audio_buffer.clear")
        begun = await client.several(2)
        assert {each["type"] for each in begun} == {
            "input_audio_buffer.cleared",
            "input_audio_buffer.speech_started",
        }
        live.say(
            TurnStarted(2, 1.0),
            TurnEnded(2, 1.0, 2.0),
            Update(2, spoken, ()),
            Final(2, 1.0, 2.0, spoken, Language("en")),
        )
        told = await client.several(7)
        [before] = [each["item_id"] for each in begun if "item_id" in each]
        assert told[0]["item_id"] == told[-1]["item_id"] != before
        assert told[-1]["transcript"] == "next"


async def test_a_long_silence_is_told_once(served: Served) -> None:
    served.runtime.live_says = turns()
    async with connected(served) as client:
        await client.update(turn_detection={"type": "server_vad", "idle_timeout_ms": 5000})
        for _ in range(3):
            await client.append(b"\0\0" * 24_000 * 4)
        events = await client.several(5)
        assert events[0] == {
            "type": "input_audio_buffer.timeout_triggered",
            "audio_start_ms": 0,
            "audio_end_ms": 8000,
            "item_id": "item_2",
        }
        assert events[1:] == [*committed("item_2", None), completed("item_2", "", 8)]
        await client.send("input_audio_buffer.clear")
        assert await client.next() == {"type": "input_audio_buffer.cleared"}


async def test_items_are_kept_until_they_are_deleted(served: Served) -> None:
    served.runtime.live_says = turns("hello")
    async with connected(served, f"{QUERY}&model=gpt-realtime-whisper") as client:
        await client.append()
        await client.send("input_audio_buffer.commit")
        await client.several(5)
        [item_id] = [each for each in client.ids if each.startswith("item_")]
        await client.send("conversation.item.retrieve", item_id=item_id)
        retrieved = await client.next()
        assert retrieved["type"] == "conversation.item.retrieved"
        assert retrieved["item"]["content"] == [{"type": "input_audio", "transcript": "hello"}]
        await client.send("conversation.item.delete", item_id=item_id)
        assert await client.next() == {"type": "conversation.item.deleted", "item_id": "item_2"}
        await client.send("conversation.item.delete", item_id="item_of_mine", event_id="mine")
        assert (await client.next())["error"] == {
            "type": "invalid_request_error",
            "code": "item_not_found",
            "message": "Item with item_id 'item_of_mine' does not exist in this conversation.",
            "param": "item_id",
            "event_id": "mine",
        }


# What is refused

WRONG: dict[str, tuple[Any, str, str | None]] = {
    "a binary frame": (b"\0\0", "invalid_event", None),
    "no JSON": ("{", "invalid_json", None),
    "no object": ("[1]", "invalid_json", None),
    "deep JSON": ("[" * 100_000, "invalid_json", None),
    "no type": ({}, "missing_required_parameter", "type"),
    "an unknown event": ({"type": "nope"}, "invalid_value", "type"),
    "a type that is none": ({"type": 5}, "invalid_value", "type"),
    "a type that is an object": ({"type": {}}, "invalid_value", "type"),
    "an answer": ({"type": "response.create"}, "invalid_value", "type"),
    "an id that is none": (
        {"type": "input_audio_buffer.clear", "event_id": 5},
        "invalid_type",
        "event_id",
    ),
    "a long id": (
        {"type": "input_audio_buffer.clear", "event_id": "x" * 513},
        "string_above_max_length",
        "event_id",
    ),
    "no audio": ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
    "no base64": (
        {"type": "input_audio_buffer.append", "audio": "%%%"},
        "invalid_value",
        "audio",
    ),
    "audio that is none": (
        {"type": "input_audio_buffer.append", "audio": 1},
        "invalid_type",
        "audio",
    ),
    "audio that is null": (
        {"type": "input_audio_buffer.append", "audio": None},
        "invalid_type",
        "audio",
    ),
    "an item of null": (
        {"type": "conversation.item.delete", "item_id": None},
        "invalid_type",
        "item_id",
    ),
    "a commit of nothing": (
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
    ),
    "no session": ({"type": "session.update"}, "missing_required_parameter", "session"),
    "a session that is none": (
        {"type": "session.update", "session": []},
        "invalid_type",
        "session",
    ),
    "a conversation": (
        {"type": "session.update", "session": {"type": "realtime"}},
        "invalid_parameter",
        "session.type",
    ),
    "no kind": (
        {"type": "session.update", "session": {}},
        "missing_required_parameter",
        "session.type",
    ),
    "a field nobody knows": (
        {"type": "session.update", "session": {"type": "transcription", "bogus_field": 1}},
        "unknown_parameter",
        "session.bogus_field",
    ),
}

INPUT = "session.audio.input"
WRONG_INPUTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "rate": (
        {"format": {"type": "audio/pcm", "rate": 16000}},
        "integer_below_min_value",
        "format.rate",
    ),
    "rate above": (
        {"format": {"type": "audio/pcm", "rate": 48000}},
        "integer_above_max_value",
        "format.rate",
    ),
    "format": ({"format": {"type": "audio/opus"}}, "invalid_value", "format.type"),
    "delay": ({"transcription": {"delay": "none"}}, "invalid_value", "transcription.delay"),
    "language": (
        {"transcription": {"language": "klingon"}},
        "invalid_language_format",
        "transcription.language",
    ),
    "keyword": (
        {"transcription": {"keywords": ["<b>"]}},
        "invalid_value",
        "transcription.keywords",
    ),
    "keywords": ({"transcription": {"keywords": [5]}}, "invalid_type", "transcription.keywords.0"),
    "prompt": ({"transcription": {"prompt": {}}}, "invalid_type", "transcription.prompt"),
    "other": ({"transcription": {"x": 1}}, "unknown_parameter", "transcription.x"),
    "threshold": (
        {"turn_detection": {"type": "server_vad", "threshold": 1.5}},
        "decimal_above_max_value",
        "turn_detection.threshold",
    ),
    "silence": (
        {"turn_detection": {"type": "server_vad", "silence_duration_ms": 0.5}},
        "invalid_type",
        "turn_detection.silence_duration_ms",
    ),
    "timeout": (
        {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 10}},
        "integer_below_min_value",
        "turn_detection.idle_timeout_ms",
    ),
    "eagerness": (
        {"turn_detection": {"type": "semantic_vad", "eagerness": "much"}},
        "invalid_value",
        "turn_detection.eagerness",
    ),
    "vad": ({"turn_detection": {"type": "vad"}}, "invalid_value", "turn_detection.type"),
    "noise": ({"noise_reduction": {"type": "all"}}, "invalid_value", "noise_reduction.type"),
    "noise type": (
        {"noise_reduction": {"type": "far_field", "strength": True}},
        "invalid_type",
        "noise_reduction.strength",
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_event_that_is_wrong(served: Served, name: str) -> None:
    sent, code, param = WRONG[name]
    async with connected(served) as client:
        await client.socket.send(sent if isinstance(sent, str | bytes) else json.dumps(sent))
        answer = (await client.next())["error"]
        assert (answer["code"], answer["param"]) == (code, param)
        assert answer["type"] == "invalid_request_error"
        assert (await client.update())["type"] == "session.updated", "the session lives on"


async def test_a_change_with_one_fault_changes_nothing(served: Served) -> None:
    async with connected(served) as client:
        for given, code, param in WRONG_INPUTS.values():
            wrong = await client.update(**{"noise_reduction": {"type": "near_field"}, **given})
            found = (wrong["error"]["code"], wrong["error"]["param"])
            assert found == (code, f"{INPUT}.{param}")
            assert f"{INPUT}.{param}" in wrong["error"]["message"] or code in (
                "invalid_value",
                "invalid_language_format",
            )
        unchanged = await client.update()
        assert unchanged["session"]["audio"] == SHOWN["audio"]
        await client.send("session.update", session={"type": "transcription", "include": ["x"]})
        assert (await client.next())["error"]["param"] == "session.include.0"
        live = served.runtime.lives[0]
        live.refusal = InvalidRequest("Invalid language 'yue'.", param="language", code="x")
        assert (await client.update())["error"]["param"] == f"{INPUT}.transcription.language"


async def test_what_an_unknown_event_is_told(served: Served) -> None:
    async with connected(served) as client:
        await client.send("nope", event_id="e1")
        assert await client.next() == error(
            "Invalid value: 'nope'. Supported values are: 'session.update', "
            "'input_audio_buffer.append', 'input_audio_buffer.commit', "
            "'input_audio_buffer.clear', 'conversation.item.retrieve', and "
            "'conversation.item.delete'.",
            "invalid_value",
            "type",
            event_id="e1",
        )
        await client.append(b"\0\0" * 1200)
        await client.send("input_audio_buffer.commit", event_id="e2")
        assert await client.next() == error(
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
            "audio, but buffer only has 50.00ms of audio.",
            "input_audio_buffer_commit_empty",
            event_id="e2",
        )


async def test_an_event_of_15_mib(served: Served) -> None:
    async with connected(served) as client:
        most = base64.b64encode(b"\0" * (11 * 1024 * 1024)).decode()
        await client.send("input_audio_buffer.append", audio=most)
        await client.send("input_audio_buffer.append", audio="A" * (15 * 1024 * 1024 + 4))
        assert (await client.next())["error"]["code"] == "string_above_max_length"
    await served.runtime.lives[0].closed.wait()
    assert served.runtime.lives[0].now_s == pytest.approx(11 * 1024 * 1024 / 48_000, abs=0.1)


async def test_a_model_that_is_not_here(served: Served) -> None:
    async with connected(served) as client:
        await client.send("session.update", session=session(transcription={"model": "nope"}))
        code, reason, [refusal] = await client.closed()
    assert (code, reason) == (4000, "invalid_request_error.invalid_model")
    assert refusal["error"]["param"] == f"{INPUT}.transcription.model"
    async with connected(served, f"{QUERY}&model=nope") as client:
        assert client.first["error"]["code"] == "invalid_model"
        assert (await client.closed())[:2] == (4000, "invalid_request_error.invalid_model")


@pytest.mark.parametrize(
    ("query", "code"),
    [("", "missing_model"), ("intent=conversation", "invalid_value")],
)
async def test_sessions_that_are_not_had_here(served: Served, query: str, code: str) -> None:
    async with connected(served, query) as client:
        assert client.first["error"]["code"] == code
        assert (await client.closed())[:2] == (4000, f"invalid_request_error.{code}")


@pytest.mark.parametrize(
    "name",
    [
        "gpt-realtime",
        "gpt-realtime-2025-08-28",
        "gpt-realtime-2.1-mini",
        "gpt-realtime-mini-2025-12-15",
        "gpt-4o-mini-realtime-preview-2024-12-17",
    ],
)
async def test_what_clients_for_node_name(served: Served, name: str) -> None:
    async with connected(served, f"model={name}") as client:
        assert client.first["type"] == "session.created"
    assert served.runtime.models == [""]


async def test_a_name_that_is_almost_one_of_those_is_looked_at_once(served: Served) -> None:
    """A hundred numbers, in all the ways in which they can be parted, took longer than for ever."""
    name = f"gpt-realtime{'-1' * 100}x"
    async with connected(served, f"model={name}"):
        assert served.runtime.models == [name]


async def test_a_server_without_room(served: Served) -> None:
    served.runtime.refusal = Overloaded("full", code="rate_limit_exceeded", retry_after_s=7)
    with pytest.raises(InvalidStatus) as caught:
        async with connected(served):
            pass
    response = caught.value.response
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")


async def test_a_session_goes_on_where_there_is_no_room_for_another_model(served: Served) -> None:
    served.runtime.live_says = turns("hello there")
    async with connected(served, "model=base") as client:
        served.runtime.overload = Overloaded("full", code="rate_limit_exceeded", retry_after_s=7)
        refusal = await client.update(transcription={"model": "small"})
        assert (refusal["type"], refusal["error"]["message"]) == ("error", "full")
        served.runtime.overload = None
        changed = await client.update(noise_reduction={"type": "near_field"})
        assert changed["session"]["audio"]["input"]["transcription"]["model"] == "base"
        await client.append()
        assert (await client.next())["type"] == "input_audio_buffer.speech_started"
    assert served.runtime.models == ["base"]


async def test_a_stream_that_cannot_be_followed(served: Served) -> None:
    async with connected(served) as client:
        served.runtime.lives[0].refusal = Overloaded("too much", code="rate_limit_exceeded")
        await client.append()
        code, reason, [refusal] = await client.closed()
    assert (code, reason) == (1013, "too much")
    assert served.runtime.lives[0].told == [], "what cannot be read is not waited for"
    assert refusal["error"]["code"] == "rate_limit_exceeded"


async def test_a_bug_is_told_and_logged(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(served) as client:
        served.runtime.lives[0].say(ZeroDivisionError("a bug"))
        code, _, [refusal] = await client.closed()
    assert (code, refusal["error"]["type"]) == (1011, "server_error")
    assert "a live stream failed" in caplog.text


async def test_a_server_without_memory_asks_to_come_back(served: Served) -> None:
    async with connected(served) as client:
        served.runtime.lives[0].say(MemoryError())
        code, _, [refusal] = await client.closed()
    assert (code, refusal["error"]["code"]) == (1012, "server_busy")


# Keys, and how a session ends


async def test_keys_of_every_kind() -> None:
    runtime = FakeRuntime(settings(api_keys=("sk-right",)))
    async with serving(runtime) as served:
        await runtime.started.wait()
        bearer: dict[str, Any] = {"additional_headers": {"Authorization": "Bearer sk-right"}}
        async with connected(served, QUERY, **bearer) as client:
            assert client.socket.subprotocol is None
        offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.sk-right")]
        async with connected(served, subprotocols=offered) as client:
            assert client.socket.subprotocol == "realtime"
            assert client.first["type"] == "session.created"
        async with connected(
            served, QUERY, additional_headers={"Authorization": "Bearer no"}
        ) as client:
            refusal = client.first["error"]
            assert refusal["code"] == "invalid_api_key"
            closed = await client.closed()
            assert closed[:2] == (3000, "invalid_request_error.invalid_api_key")
        async with connected(served) as client:
            assert (await client.closed())[:2] == (3000, "invalid_request_error")
        with pytest.raises(InvalidStatus) as caught:
            async with connected(served, origin="https://elsewhere.example", **bearer):
                pass
        assert caught.value.response.status_code == 403


async def test_a_key_for_a_page() -> None:
    runtime = FakeRuntime(settings(api_keys=("sk-right",)))
    runtime.live_says = turns("hello")
    async with serving(runtime) as served, served.async_client("sk-right") as openai:
        await runtime.started.wait()
        secret = await openai.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "transcription": {"model": "gpt-4o-transcribe", "language": "de"},
                        "turn_detection": None,
                    }
                },
            },
        )
        assert secret.value.startswith("ek_")
        assert secret.session.type == "transcription"
        offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{secret.value}")]
        for _ in range(2):
            async with connected(served, "", subprotocols=offered) as client:
                shown = client.first["session"]["audio"]["input"]
                assert shown["transcription"]["language"] == "de"
                assert shown["turn_detection"] is None
        [first, _] = runtime.lives
        assert first.live.language == "de"
        wrong: dict[str, Any] = {"additional_headers": {"Authorization": "Bearer ek_none"}}
        async with connected(served, QUERY, **wrong) as client:
            assert client.first["error"]["code"] == "invalid_api_key"
            assert (await client.closed())[0] == 3000
        async with served.http() as http:
            given = {"authorization": f"Bearer {secret.value}"}
            assert (await http.get("/v1/models", headers=given)).status_code == 401


SECRETS: list[tuple[Any, int, str | None]] = [
    ({}, 200, None),
    ({"expires_after": 600}, 400, "expires_after"),
    ({"expires_after": {"seconds": 5}}, 400, "expires_after.seconds"),
    ({"expires_after": {"anchor": "now"}}, 400, "expires_after.anchor"),
    ({"session": {"type": "realtime"}}, 400, "session.type"),
    ({"model": "x"}, 400, "model"),
    ([], 400, None),
]


async def test_a_secret_for_a_model_that_is_not_here(served: Served) -> None:
    session = {"type": "transcription", "audio": {"input": {"transcription": {"model": "nope"}}}}
    async with served.http() as http:
        answer = await http.post("/v1/realtime/client_secrets", json={"session": session})
    assert answer.status_code == 404
    assert answer.json()["error"]["param"] == f"{INPUT}.transcription.model"


@pytest.mark.parametrize(("body", "status", "param"), SECRETS)
async def test_what_a_secret_may_be_for(
    served: Served, body: Any, status: int, param: str | None
) -> None:
    async with served.http() as http:
        answer = await http.post("/v1/realtime/client_secrets", json=body)
        assert answer.status_code == status
        if status == 400:
            assert answer.json()["error"]["param"] == param
        else:
            assert set(answer.json()) == {"value", "expires_at", "session"}


async def test_bodies_of_secrets_that_are_none(served: Served) -> None:
    async with served.http() as http:
        path = "/v1/realtime/client_secrets"
        assert (await http.post(path)).status_code == 200
        assert (await http.post(path, content=b"{")).json()["error"]["code"] == "invalid_json"
        assert (await http.post(path, content=b'"\xff"')).json()["error"]["code"] == "invalid_json"
        assert (await http.post(path, content=b"x" * 70_000)).status_code == 413
        given = {"session": session(transcription={"model": "nope"})}
        assert (await http.post(path, json=given)).status_code == 404


async def test_a_stopping_server_says_the_rest() -> None:
    runtime = FakeRuntime(settings())
    runtime.live_says = turns("hello there")
    async with serving(runtime) as served:
        await runtime.started.wait()
        async with connected(served, f"{QUERY}&model=gpt-realtime-whisper") as client:
            await client.append()
            await client.append()
            assert await client.next() == delta("item_2", "hello")
            served.server.stop()
            code, _, events = await client.closed()
    assert code == 1012
    assert events[-1] == completed("item_2", "hello there", 1, "en")


async def test_a_session_has_an_end() -> None:
    runtime = FakeRuntime(settings(max_live_s=10))
    runtime.live_says = turns("hello")
    async with serving(runtime) as served:
        await runtime.started.wait()
        async with connected(served, f"{QUERY}&model=gpt-realtime-whisper") as client:
            await client.append()
            await until(lambda: "send" in runtime.lives[0].told)
            advance(10)
            code, _, events = await client.closed()
    assert code == 1001
    assert events[-2] == completed("item_2", "hello", 1, "en")
    assert events[-1]["error"]["code"] == "session_expired"


async def test_clients_that_leave_take_their_streams_along(served: Served) -> None:
    for _ in range(50):
        async with connected(served) as client:
            await client.append()
            client.socket.transport.abort()
    await until(lambda: all(each.closed.is_set() for each in served.runtime.lives))
    assert len(served.runtime.lives) == 50


async def test_a_client_that_never_reads(served: Served) -> None:
    """What is said to it waits within bounds, and then it is left."""
    long = words("x" * 200_000)
    async with connected(served, QUERY, max_queue=1) as client:
        [live] = served.runtime.lives
        live.say(TurnStarted(1, 0.0), *([Update(1, long, ())] * 200))
        await live.closed.wait()
        assert (await client.closed())[0] == 1008


# The shape of the beta


async def test_the_shape_of_the_beta(served: Served) -> None:
    served.runtime.live_says = turns("hello")
    beta: dict[str, Any] = {"additional_headers": {"OpenAI-Beta": "realtime=v1"}}
    async with connected(served, QUERY, **beta) as client:
        assert client.first["type"] == "transcription_session.created"
        assert client.first["session"]["input_audio_format"] == "pcm16"
        flat = {
            "input_audio_format": "g711_ulaw",
            "input_audio_transcription": {"model": "whisper-1", "language": "de"},
            "turn_detection": None,
            "input_audio_noise_reduction": {"type": "near_field"},
            "include": ["item.input_audio_transcription.logprobs"],
        }
        await client.send("transcription_session.update", session=flat)
        updated = await client.next()
        assert updated["type"] == "transcription_session.updated"
        shown = updated["session"]
        assert {name: shown[name] for name in flat} == {
            **flat,
            "input_audio_transcription": {"model": "whisper-1", "language": "de", "prompt": None},
        }
        await client.append()
        await client.send("input_audio_buffer.commit")
        events = await client.several(4)
        assert [each["type"] for each in events] == [
            "input_audio_buffer.committed",
            "conversation.item.created",
            f"{TRANSCRIPTION}.delta",
            f"{TRANSCRIPTION}.completed",
        ]
        assert events[1]["item"]["object"] == "realtime.item"
        for given, param in (
            ({"input_audio_format": "mp3"}, "session.input_audio_format"),
            ({"turn_detection": {"type": "x"}}, "session.turn_detection.type"),
            ({"bogus": 1}, "session.bogus"),
        ):
            await client.send("transcription_session.update", session=given)
            error = (await client.next())["error"]
            assert error["param"] == param
            if given == {"input_audio_format": "mp3"}:
                assert "'pcm16', 'g711_ulaw', and 'g711_alaw'" in error["message"]
    offered = [Subprotocol("realtime"), Subprotocol("openai-beta.realtime-v1")]
    async with connected(served, subprotocols=offered) as client:
        assert client.first["type"] == "transcription_session.created"


async def test_a_secret_in_the_shape_of_the_beta(served: Served) -> None:
    async with served.http() as http:
        path = "/v1/realtime/transcription_sessions"
        flat = {"input_audio_format": "pcm16", "input_audio_transcription": {"model": "whisper-1"}}
        answer = (await http.post(path, json=flat)).json()
        assert answer["object"] == "realtime.transcription_session"
        assert answer["client_secret"]["value"].startswith("ek_")
        for format in ("mp3", ["pcm16"], {"a": 1}):
            wrong = await http.post(path, json={"input_audio_format": format})
            assert wrong.status_code == 400
            assert wrong.json()["error"]["param"] == "session.input_audio_format"

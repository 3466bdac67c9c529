"""Turns as the client of ``/v2/listen`` is told of them: effects as scripts, and whole sockets."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
import pytest
from websockets.asyncio.client import connect

from auricle.errors import EngineFailed
from auricle.live.effects import (
    Effect,
    EndOfTurnPredicted,
    Final,
    SpeechPaused,
    SpeechResumed,
    TurnEnded,
    TurnFailed,
    TurnStarted,
    Update,
)
from auricle.server.dialects.deepgram.flux import FluxOptions, FluxTurns
from auricle.server.dialects.deepgram.flux_messages import TurnInfo
from auricle.server.dialects.deepgram.formatting import Formatting
from auricle.types import Language
from tests.server.dialects.deepgram.sockets import (
    Listening,
    Step,
    closed,
    listening,
    played,
    refusal,
    rest,
    samples,
)
from tests.server.dialects.deepgram.test_results import words
from tests.server.fakes import FakeLive, Told
from tests.waiting import advance, until

EN = Language("en")
EAGER = FluxOptions(eager_threshold=0.4, language="en")


def told(options: FluxOptions, *steps: Step) -> list[str]:
    """Messages, one line for each: number, event, turn, how sure, and its text."""
    messages = played(FluxTurns("id", options, Formatting(punctuate=True)), steps)
    assert [each.sequence_id for each in messages] == list(range(len(messages)))
    return [line(each) for each in messages]


def line(message: TurnInfo) -> str:
    how = f" {message.trigger} {message.end_of_turn_confidence:g}" if message.trigger else ""
    return f"{message.turn_index} {message.event}{how}: {message.transcript}"


def begun(n: int, text: str, start_s: float = 0.0) -> tuple[Effect, ...]:
    return (TurnStarted(n, start_s), Update(n, (), words(text, start_s)))


def ended(n: int, text: str, probability: float, start_s: float = 0.0) -> tuple[Effect, ...]:
    """A pause in which everything is read, judged, and the end."""
    said = words(text, start_s)
    return (
        SpeechPaused(n, said[-1].end_s),
        Update(n, said, ()),
        EndOfTurnPredicted(n, probability),
        TurnEnded(n, start_s, said[-1].end_s + 0.5),
        Final(n, start_s, said[-1].end_s + 0.5, said, EN),
    )


def test_a_whole_message():
    turns = FluxTurns("id", FluxOptions(), Formatting(punctuate=True))
    assert msgspec.to_builtins(turns.connected()) == {
        "type": "Connected",
        "request_id": "id",
        "sequence_id": 0,
    }
    turns.take(TurnStarted(1, 0.25))
    turns.received(1.5)
    start = turns.take(Update(1, (), words("Hi", 0.5)))[0]
    assert msgspec.to_builtins(start) == {
        "type": "TurnInfo",
        "request_id": "id",
        "sequence_id": 1,
        "event": "StartOfTurn",
        "turn_index": 0,
        "audio_window_start": 0.25,
        "audio_window_end": 1.5,
        "transcript": "Hi",
        "words": ({"word": "Hi", "confidence": 0.9, "start": 0.5, "end": 1.0},),
        "end_of_turn_confidence": 0.0,
    }
    steps = (
        SpeechPaused(1, 1.0),
        EndOfTurnPredicted(1, 0.875),
        TurnEnded(1, 0.25, 1.75),
        Final(1, 0.25, 1.75, words("Hi", 0.5), EN),
    )
    last = [message for step in steps for message in turns.take(step)][-1]
    body = msgspec.to_builtins(last)
    assert {name: body[name] for name in ("event", "trigger", "languages")} == {
        "event": "EndOfTurn",
        "trigger": "model",
        "languages": ("en",),
    }
    assert (body["audio_window_end"], body["end_of_turn_confidence"]) == (1.75, 0.875)


def test_turns_follow_each_other():
    assert told(
        FluxOptions(language="en"),
        *begun(1, "Yes"),
        Update(1, (), words("Yes no")),
        *ended(1, "Yes no.", 0.8),
        *begun(2, "Well", 5.0),
        *ended(2, "Well", 0.9, 5.0),
    ) == [
        "0 StartOfTurn: Yes",
        "0 Update: Yes no",
        "0 Update: Yes no.",
        "0 EndOfTurn model 0.8: Yes no.",
        "1 StartOfTurn: Well",
        "1 EndOfTurn model 0.9: Well",
    ]


def test_an_end_that_is_likely_is_told_early_and_the_text_stays():
    assert told(EAGER, *begun(1, "Yes"), *ended(1, "Yes", 0.5)) == [
        "0 StartOfTurn: Yes",
        "0 EagerEndOfTurn: Yes",
        "0 EndOfTurn timeout 1: Yes",
    ]


def test_a_speaker_who_goes_on_takes_it_back():
    assert told(
        EAGER,
        *begun(1, "Yes"),
        *ended(1, "Yes", 0.5)[:3],
        SpeechResumed(1),
        Update(1, (), words("but", 1.5)),
        *ended(1, "Yes but", 0.8)[0:1],
        Update(1, words("but", 1.5), ()),
        EndOfTurnPredicted(1, 0.8),
        TurnEnded(1, 0.0, 2.5),
        Final(1, 0.0, 2.5, words("Yes") + words("but", 1.5), EN),
    ) == [
        "0 StartOfTurn: Yes",
        "0 EagerEndOfTurn: Yes",
        "0 TurnResumed: Yes",
        "0 Update: Yes but",
        "0 EagerEndOfTurn: Yes but",
        "0 EndOfTurn model 0.8: Yes but",
    ]


def test_an_unlikely_end_is_not_told_early_nor_before_all_is_read():
    paused = (SpeechPaused(1, 0.5), EndOfTurnPredicted(1, 0.3))
    assert told(EAGER, *begun(1, "Yes"), *paused) == ["0 StartOfTurn: Yes"]
    unread = (SpeechPaused(1, 0.5), EndOfTurnPredicted(1, 0.6))
    assert told(EAGER, *begun(1, "Yes"), *unread, Update(1, words("Yes"), ())) == [
        "0 StartOfTurn: Yes",
        "0 EagerEndOfTurn: Yes",
    ]


def test_another_text_at_the_end_takes_back_what_was_told_early():
    said = words("Yes no")
    assert told(
        EAGER,
        *begun(1, "Yes"),
        *ended(1, "Yes", 0.5)[:3],
        TurnEnded(1, 0.0, 1.0),
        Final(1, 0.0, 1.0, said, EN),
    ) == [
        "0 StartOfTurn: Yes",
        "0 EagerEndOfTurn: Yes",
        "0 TurnResumed: Yes no",
        "0 EndOfTurn timeout 1: Yes no",
    ]


def test_noise_is_no_turn():
    noise = (SpeechPaused(1, 0.5), TurnEnded(1, 0.0, 1.0), Final(1, 0.0, 1.0, (), None))
    assert told(FluxOptions(), TurnStarted(1, 0.0), *noise) == []


def test_a_turn_whose_text_comes_at_its_end_has_a_beginning():
    paused, _, *over = ended(1, "Yes", 0.9)
    assert told(FluxOptions(), TurnStarted(1, 0.0), paused, *over) == [
        "0 StartOfTurn: Yes",
        "0 EndOfTurn model 0.9: Yes",
    ]


def test_a_turn_too_long_to_be_read_as_one_goes_on():
    assert told(
        FluxOptions(language="en"),
        *begun(1, "One"),
        TurnEnded(1, 0.0, 30.0),
        TurnStarted(2, 30.0),
        Final(1, 0.0, 30.0, words("One"), EN),
        Update(2, (), words("two", 30.0)),
        *ended(2, "two", 0.9, 30.0),
        *begun(3, "three", 40.0),
    ) == [
        "0 StartOfTurn: One",
        "0 Update: One two",
        "0 EndOfTurn model 0.9: One two",
        "1 StartOfTurn: three",
    ]


def test_a_turn_too_long_that_nothing_follows_is_over_after_a_while():
    assert told(
        FluxOptions(language="en", timeout_s=2.0),
        *begun(1, "One"),
        TurnEnded(1, 0.0, 30.0),
        Final(1, 0.0, 30.0, words("One"), EN),
        31.0,
        32.0,
        33.0,
    ) == ["0 StartOfTurn: One", "0 EndOfTurn timeout 1: One"]


def test_the_client_may_end_a_turn():
    assert told(
        FluxOptions(language="en"),
        *begun(1, "Yes"),
        "force 1",
        TurnEnded(1, 0.0, 1.0),
        Final(1, 0.0, 1.0, words("Yes"), EN),
        "force 1",
        TurnEnded(2, 1.0, 1.0),
        Final(2, 1.0, 1.0, (), None),
    ) == ["0 StartOfTurn: Yes", "0 EndOfTurn manual 1: Yes"]


def test_the_end_of_the_stream_ends_a_turn():
    assert told(
        FluxOptions(language="en"),
        *begun(1, "Yes"),
        "close 1",
        TurnEnded(1, 0.0, 1.0),
        Final(1, 0.0, 1.0, words("Yes"), EN),
    ) == ["0 StartOfTurn: Yes", "0 EndOfTurn manual 1: Yes"]


def test_a_turn_begins_while_the_one_before_is_read():
    assert told(
        FluxOptions(language="en"),
        *begun(1, "Yes"),
        SpeechPaused(1, 0.5),
        EndOfTurnPredicted(1, 0.9),
        TurnEnded(1, 0.0, 1.0),
        TurnStarted(2, 1.0),
        Final(1, 0.0, 1.0, words("Yes"), EN),
        Update(2, (), words("no", 1.0)),
    ) == ["0 StartOfTurn: Yes", "0 EndOfTurn model 0.9: Yes", "1 StartOfTurn: no"]


def test_words_are_told_although_the_turn_failed():
    assert told(
        FluxOptions(language="en"),
        *begun(1, "Yes"),
        SpeechPaused(1, 0.5),
        TurnEnded(1, 0.0, 1.0),
        TurnFailed(1, 0.0, 1.0, words("Yes"), "no engine"),
    ) == ["0 StartOfTurn: Yes", "0 EndOfTurn timeout 1: Yes"]


# Sockets


def says(live: FakeLive, what: Told) -> Sequence[Effect]:
    """Somebody says yes with the first audio, and is done when told so."""
    if what == "send" and live.told.count("send") == 1:
        return begun(1, "Yes")
    if what in ("commit", "finish") and not {"commit", "finish"} & set(live.told[:-1]):
        return (TurnEnded(1, 0.0, 1.0), Final(1, 0.0, 1.0, words("Yes"), EN))
    return ()


FLUX = "encoding=linear16&sample_rate=16000&model=flux-general-en"


def opened(flux: Listening, query: str = "") -> connect:
    return flux.open(f"{FLUX}&{query}", "/v2/listen")


@pytest.fixture
def flux(live: Listening) -> Listening:
    live.runtime.live_says = says
    return live


@pytest.mark.asyncio(loop_scope="session")
class TestSockets:
    async def test_a_stream_from_its_first_message_to_its_last(self, flux: Listening) -> None:
        async with opened(flux) as client:
            first = json.loads(await client.recv())
            await client.send(samples(1.0))
            await client.send('{"type":"KeepAlive"}')
            await client.send('{"type":"CloseStream"}')
            messages = [first, *await rest(client)]
            assert client.response is not None
            name = client.response.headers["dg-request-id"]
        assert closed(client) == (1000, "")
        assert [each["sequence_id"] for each in messages] == [0, 1, 2]
        assert {each["request_id"] for each in messages} == {name}
        assert [each.get("event", each["type"]) for each in messages] == [
            "Connected",
            "StartOfTurn",
            "EndOfTurn",
        ]
        assert messages[-1]["transcript"] == "Yes"

    async def test_how_turns_end_is_asked(self, flux: Listening) -> None:
        queries = (
            "",
            "eot_threshold=0.5&eager_eot_threshold=0.3&eot_timeout_ms=800&keyterm=a&keyterm=b",
            "language_hint=de&language_hint=en",
        )
        for query in queries:
            async with opened(flux, query):
                pass
        asked = [(each.live.turns, each.live.language) for each in flux.runtime.lives]
        assert {turns.ending for turns, _ in asked} == {"semantic"}
        assert [(turns.end_probability, turns.max_wait_s) for turns, _ in asked] == [
            (0.7, 5.0),
            (0.5, 0.8),
            (0.7, 5.0),
        ]
        assert [language for _, language in asked] == ["en", "en", None]
        assert flux.runtime.lives[1].options.keywords == ("a", "b")
        assert flux.runtime.lives[2].options.languages == ("de", "en")

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("eot_threshold=0.4", "Invalid 'eot_threshold' value of '0.4'. Allowed is a number f"),
            ("eager_eot_threshold=1", "Invalid 'eager_eot_threshold' value of '1'. Allowed is a "),
            (
                "eager_eot_threshold=0.8",
                "Invalid 'eager_eot_threshold' value of '0.8'. Allowed is at most "
                "'eot_threshold', 0.7.",
            ),
            ("eot_timeout_ms=100", "Invalid 'eot_timeout_ms' value of '100'. Allowed is a numbe"),
            ("redact=true", "Invalid 'redact' value of 'true'. It is not supported"),
        ],
    )
    async def test_what_is_refused(self, flux: Listening, query: str, message: str) -> None:
        status, code, said = await refusal(flux, f"{FLUX}&{query}", path="/v2/listen")
        assert (status, code) == (400, "INVALID_QUERY_PARAMETER")
        assert said.startswith(message)

    async def test_it_can_be_changed_while_it_runs(self, flux: Listening) -> None:
        async with opened(flux, "eager_eot_threshold=0.4") as client:
            await client.recv()
            messages = (
                {"thresholds": {"eot_threshold": 0.9}, "keyterms": ["x"]},
                {"thresholds": {"eot_timeout_ms": 1000}, "language_hints": ["de", "pt-BR"]},
                {"thresholds": {"eot_threshold": 0.2}},
                {"language_hints": ["klingon"]},
                {"thresholds": {"eager_eot_threshold": 0.9, "eot_threshold": 0.5}},
            )
            answers = []
            for each in messages:
                await client.send(json.dumps({"type": "Configure", **each}))
                answers.append(json.loads(await client.recv()))
        name = answers[0]["request_id"]
        assert answers[0] == {
            "type": "ConfigureSuccess",
            "request_id": name,
            "sequence_id": 1,
            "thresholds": {
                "eot_threshold": 0.9,
                "eager_eot_threshold": 0.4,
                "eot_timeout_ms": 5000,
            },
            "keyterms": ["x"],
        }
        assert answers[1]["language_hints"] == ["de", "pt"]
        assert [(each["type"], each.get("code")) for each in answers[2:]] == [
            ("ConfigureFailure", "INVALID_VALUE"),
            ("ConfigureFailure", "INVALID_LANGUAGE_FORMAT"),
            ("ConfigureFailure", "INVALID_VALUE"),
        ]
        configured = flux.runtime.lives[0].configured
        assert [(each.turns.end_probability, each.turns.max_wait_s) for each, _ in configured] == [
            (0.9, 5.0),
            (0.9, 1.0),
        ]
        assert [options.keywords for _, options in configured] == [("x",), ("x",)]
        assert configured[1][1].languages == ("de", "pt")

    async def test_a_turn_is_ended_by_force(self, flux: Listening) -> None:
        async with opened(flux) as client:
            await client.send(samples(1.0))
            await client.send('{"type":"ForceEndTurn"}')
            await client.send('{"type":"CloseStream"}')
            messages = await rest(client)
        assert [each.get("trigger") for each in messages] == [None, None, "manual"]

    @pytest.mark.parametrize("text", ["junk", '{"type":"Dance"}', "[]"])
    async def test_a_message_that_is_not_understood_ends_it(
        self, flux: Listening, text: str
    ) -> None:
        async with opened(flux) as client:
            await client.send(text)
            messages = await rest(client)
        assert messages[-1]["code"] == "UNPARSABLE_CLIENT_MESSAGE"
        assert closed(client)[0] == 1008

    async def test_an_engine_that_fails_is_told(self, flux: Listening) -> None:
        flux.runtime.live_says = lambda _, what: (
            [EngineFailed("It failed.")] if what == "send" else ()
        )
        async with opened(flux) as client:
            await client.send(samples(1.0))
            messages = await rest(client)
        assert (messages[-1]["type"], messages[-1]["description"]) == ("Error", "It failed.")
        assert closed(client) == (1011, "NET-0000: It failed.")

    async def test_a_client_that_says_nothing_is_told_so(self) -> None:
        async with listening(no_data_s=10) as found, opened(found) as client:
            await until(lambda: bool(found.runtime.lives))
            advance(10)
            await rest(client)
        assert closed(client)[0] == 1011

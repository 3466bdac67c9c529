"""Whatever is said, and however it is read: every API tells the words of a stream, each once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import count

import pytest

from auricle.live.effects import Final, LiveWord, TurnFailed, Update
from auricle.server.dialects.deepgram.bodies import ModelInfo
from auricle.server.dialects.deepgram.flux import FluxOptions, FluxTurns
from auricle.server.dialects.deepgram.formatting import Formatting
from auricle.server.dialects.deepgram.messages import ResultMetadata, Results
from auricle.server.dialects.deepgram.results import LiveResults
from auricle.server.dialects.deepgram.stream_request import ResultOptions
from auricle.server.dialects.realtime.configuration import Configuration, ServerVad
from auricle.server.dialects.realtime.conversation import Conversation
from auricle.server.dialects.realtime.events import Completed, Delta
from tests.live.talks import Closed, Committed, Received, Step, Talk

SEEDS = (0, 4)
"""Talks that found something: an item that was never completed, words that overlapped."""
ENDINGS = ("silence", "semantic", "manual")

pytestmark = [
    pytest.mark.parametrize("seed", SEEDS),
    pytest.mark.parametrize("ending", ENDINGS),
    pytest.mark.parametrize("language", ["en", None]),
]


@cache
def talk(seed: int, ending: str, language: str | None) -> list[Step]:
    return list(Talk(seed, ending, language))


def final_words(steps: list[Step]) -> list[LiveWord]:
    return [word for each in steps if isinstance(each, Final | TurnFailed) for word in each.words]


def texts(words: list[LiveWord]) -> list[str]:
    return [word.text.strip() for word in words]


def test_what_is_committed_is_final_and_in_order(seed: int, ending: str, language: str | None):
    steps = talk(seed, ending, language)
    updates = [each for each in steps if isinstance(each, Update)]
    committed = [word for each in updates for word in each.committed]
    assert committed == final_words(steps)
    edges = [edge for word in committed for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)


@pytest.mark.parametrize("interim", [False, True])
def test_deepgram(seed: int, ending: str, language: str | None, interim: bool):
    wanted = ResultOptions(Formatting(punctuate=True), interim, language=language)
    results = LiveResults(
        replace(wanted, utterance_end_s=1.0),
        ResultMetadata("id", ModelInfo("base", "1", "whisper"), "model"),
    )
    steps, told = talk(seed, ending, language), []
    for step in steps:
        match step:
            case Received(now_s):
                told += results.received(now_s)
            case Committed(at_s):
                results.finalize(at_s)
            case Closed(at_s):
                results.close(at_s)
            case _:
                told += results.take(step)
    at_s, found = 0.0, []
    for each in told:
        if isinstance(each, Results):
            assert each.start == pytest.approx(at_s, abs=0.002), "each begins where finals end"
        if isinstance(each, Results) and each.is_final:
            at_s = each.start + each.duration
            found += [word.word for word in each.channel.alternatives[0].words]
    assert found == [text.lower().strip(".?") for text in texts(final_words(steps))]


def test_flux(seed: int, ending: str, language: str | None):
    turns = FluxTurns("id", FluxOptions(language=language), Formatting(punctuate=True))
    steps, told = talk(seed, ending, language), []
    for step in steps:
        match step:
            case Received(now_s):
                told += turns.received(now_s)
            case Committed(at_s):
                turns.force(at_s)
            case Closed(at_s):
                turns.close(at_s)
            case _:
                told += turns.take(step)
    found = [word for each in told if each.event == "EndOfTurn" for word in each.transcript.split()]
    assert [word.lower() for word in found] == [text.lower() for text in texts(final_words(steps))]


def test_realtime(seed: int, ending: str, language: str | None):
    ids = count()
    detection = None if ending == "manual" else ServerVad()
    conversation = Conversation(
        replace(Configuration(), given_turn_detection=detection), lambda: f"item_{next(ids)}"
    )
    steps, told = talk(seed, ending, language), []
    for step in steps:
        match step:
            case Received():
                pass
            case Committed(at_s) | Closed(at_s):
                conversation.will_commit(at_s)
            case _:
                told += conversation.take(step)
    told += conversation.over(0.0)
    deltas: dict[str, str] = {}
    for each in told:
        if isinstance(each, Delta):
            deltas[each.item_id] = deltas.get(each.item_id, "") + each.delta
    completed = {each.item_id: each.transcript for each in told if isinstance(each, Completed)}
    assert deltas == {name: text for name, text in completed.items() if text}
    found = [word for text in completed.values() for word in text.split()]
    assert found == texts(final_words(steps))

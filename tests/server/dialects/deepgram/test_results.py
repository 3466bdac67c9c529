"""What a live client is told: effects of a stream as scripts, whole lists of messages out."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from auricle.live.effects import (
    Effect,
    Final,
    LiveWord,
    SpeechPaused,
    SpeechResumed,
    TurnEnded,
    TurnFailed,
    TurnStarted,
    Update,
)
from auricle.server.dialects.deepgram.bodies import ModelInfo
from auricle.server.dialects.deepgram.formatting import Formatting
from auricle.server.dialects.deepgram.messages import ResultMetadata, ServerMessage
from auricle.server.dialects.deepgram.results import LiveResults
from auricle.server.dialects.deepgram.stream_request import ResultOptions
from auricle.types import Language
from tests.server.dialects.deepgram.sockets import Step, played

KNOWN = ResultMetadata("id", ModelInfo("base", "1", "whisper"), "model")
PLAIN = ResultOptions(language="en")
INTERIM = replace(PLAIN, interim_results=True)
ALL = replace(INTERIM, vad_events=True, utterance_end_s=1.0)
ENGLISH = Language("en")


def words(text: str, start_s: float = 0.0, each_s: float = 0.5) -> tuple[LiveWord, ...]:
    """One after the other, without pauses."""
    return tuple(
        LiveWord(f" {word}", start_s + i * each_s, start_s + (i + 1) * each_s, 0.9)
        for i, word in enumerate(text.split())
    )


def turn(n: int, text: str, start_s: float, end_s: float) -> tuple[Effect, ...]:
    """A turn that silence ended and that is known at once."""
    said = words(text, start_s)
    return (
        TurnStarted(n, start_s),
        SpeechPaused(n, end_s - 0.5),
        TurnEnded(n, start_s, end_s),
        Update(n, said, ()),
        Final(n, start_s, end_s, said, ENGLISH),
    )


def told(options: ResultOptions, *steps: Step) -> list[str]:
    """Messages, one line for each: the span, what kind it is, and its text."""
    return [line(each) for each in played(LiveResults(options, KNOWN), steps)]


def line(message: ServerMessage) -> str:
    body = msgspec.to_builtins(message)
    match body["type"]:
        case "Results":
            end_s = round(body["start"] + body["duration"], 3)
            kind = "final" if body["is_final"] else "interim"
            kind += " end" if body["speech_final"] else ""
            kind += " finalize" if body["from_finalize"] else ""
            text = body["channel"]["alternatives"][0]["transcript"]
            return f"{body['start']:g}-{end_s:g} {kind}: {text}".rstrip()
        case "SpeechStarted":
            return f"started {body['timestamp']:g}"
        case "UtteranceEnd":
            return f"utterance end {body['last_word_end']:g}"
    raise AssertionError(body)


def test_a_whole_message():
    results = LiveResults(replace(PLAIN, formatting=Formatting(punctuate=True)), KNOWN, (1, 2))
    said = words("Hello there.", 1.0)
    results.take(TurnStarted(1, 0.75))
    results.take(TurnEnded(1, 0.75, 2.5))
    results.received(2.5)
    message = results.take(Final(1, 0.75, 2.5, said, ENGLISH))[0]
    assert msgspec.to_builtins(message) == {
        "type": "Results",
        "channel_index": (1, 2),
        "duration": 2.5,
        "start": 0.0,
        "is_final": True,
        "speech_final": False,
        "channel": {
            "alternatives": (
                {
                    "transcript": "Hello there.",
                    "confidence": 0.9,
                    "words": (
                        {
                            "word": "hello",
                            "start": 1.0,
                            "end": 1.5,
                            "confidence": 0.9,
                            "punctuated_word": "Hello",
                        },
                        {
                            "word": "there",
                            "start": 1.5,
                            "end": 2.0,
                            "confidence": 0.9,
                            "punctuated_word": "there.",
                        },
                    ),
                },
            )
        },
        "metadata": {
            "request_id": "id",
            "model_info": {"name": "base", "version": "1", "arch": "whisper"},
            "model_uuid": "model",
        },
        "from_finalize": False,
    }


def test_by_default_only_finals_are_told():
    assert told(
        PLAIN, 1.0, TurnStarted(1, 0.5), Update(1, (), words("hello")), *turn(1, "hello", 1.0, 2.0)
    ) == ["0-2 final end: hello"]


def test_interims_begin_where_the_last_final_ended_and_hold_nothing_of_it():
    said = words("one two three four five six seven eight nine", 1.0)
    assert told(
        INTERIM,
        1.5,
        TurnStarted(1, 0.7),
        Update(1, (), said[:1]),
        2.5,
        Update(1, said[:2], said[2:4]),
        4.5,
        Update(1, said[2:7], said[7:8]),
        5.5,
        Update(1, (), said[7:]),
    ) == [
        "0-1.5 interim: one",
        "0-3 interim: one two three four",
        "0-4.5 final: one two three four five six seven",
        "4.5-5 interim: eight",
        "4.5-5.5 interim: eight nine",
    ]


def test_a_sentence_is_final_once_it_is_committed():
    said = words("Yes. No")
    assert told(PLAIN, TurnStarted(1, 0.0), Update(1, said[:1], said[1:])) == ["0-0.5 final: yes"]


def test_spans_of_finals_follow_each_other_without_gap():
    assert told(
        PLAIN,
        TurnStarted(1, 1.0),
        Update(1, words("one two.", 1.0), ()),
        *turn(1, "one two.", 1.0, 2.5)[1:3],
        Final(1, 1.0, 2.5, words("one two.", 1.0), ENGLISH),
        *turn(2, "three", 4.0, 5.5),
    ) == ["0-2 final: one two", "2-2.5 final end:", "2.5-5.5 final end: three"]


def test_the_last_sentence_of_a_turn_is_told_with_its_end():
    """An empty message was what had come of `Finalize`, or of the silence, and clients that wait
    for it took none of the words before for that."""
    assert told(PLAIN, *turn(1, "one. two.", 1.0, 2.5)) == ["0-2.5 final end: one two"]


def test_a_pause_after_words_that_are_final_has_an_empty_result():
    """LiveKit ends speech by it alone."""
    said = words("Yes.")
    assert told(
        PLAIN,
        TurnStarted(1, 0.0),
        Update(1, said, ()),
        SpeechPaused(1, 0.5),
        TurnEnded(1, 0.0, 1.0),
        Final(1, 0.0, 1.0, said, ENGLISH),
    ) == ["0-0.5 final: yes", "0.5-1 final end:"]


def test_a_turn_that_became_too_long_is_not_the_end_of_speech():
    said = words("and so")
    assert told(
        PLAIN,
        TurnStarted(1, 0.0),
        SpeechPaused(1, 0.5),
        SpeechResumed(1),
        TurnEnded(1, 0.0, 30.0),
        Final(1, 0.0, 30.0, said, ENGLISH),
    ) == ["0-30 final: and so"]


def test_without_endpointing_speech_has_no_end():
    assert told(replace(PLAIN, endpointing=False), *turn(1, "one", 0.0, 1.0)) == ["0-1 final: one"]


def test_noise_ends_nothing_unless_its_beginning_was_told():
    noise = (
        TurnStarted(1, 0.5),
        SpeechPaused(1, 1.0),
        TurnEnded(1, 0.5, 1.5),
        Final(1, 0.5, 1.5, (), None),
    )
    assert told(INTERIM, *noise) == []
    assert told(ALL, *noise) == ["started 0.5", "0-1.5 final end:"]


def test_speech_that_begins_before_the_turn_before_is_known_keeps_its_beginning():
    said = words("one", 0.5)
    assert told(
        ALL,
        TurnStarted(1, 0.5),
        SpeechPaused(1, 1.0),
        TurnEnded(1, 0.5, 1.5),
        TurnStarted(2, 1.5),
        Final(1, 0.5, 1.5, said, ENGLISH),
        SpeechPaused(2, 2.0),
        TurnEnded(2, 1.5, 2.5),
        Final(2, 1.5, 2.5, (), None),
    ) == ["started 0.5", "started 1.5", "0-1.5 final end: one", "1.5-2.5 final end:"]


def test_finalize_is_answered_once_and_is_no_end_of_speech():
    said = words("one two", 1.0)
    assert told(
        PLAIN,
        TurnStarted(1, 0.5),
        Update(1, (), said),
        "finalize 2",
        TurnEnded(1, 0.5, 2.0),
        Update(1, said, ()),
        Final(1, 0.5, 2.0, said, ENGLISH),
        *turn(2, "three", 2.0, 3.5),
    ) == ["0-2 final finalize: one two", "2-3.5 final end: three"]


def test_finalize_in_silence_is_answered_with_nothing():
    empty = (TurnEnded(1, 0.0, 2.0), Final(1, 0.0, 2.0, (), None))
    again = (TurnEnded(2, 2.0, 2.5), Final(2, 2.0, 2.5, (), None))
    assert told(PLAIN, "finalize 2", *empty, "finalize 2.5", *again) == [
        "0-2 final end finalize:".replace(" end", ""),
        "2-2.5 final finalize:",
    ]


def test_finalize_is_answered_by_the_turn_that_it_ended():
    """The one before is not known yet."""
    first, second = words("one"), words("two", 2.0)
    assert told(
        PLAIN,
        TurnStarted(1, 0.0),
        SpeechPaused(1, 0.5),
        TurnEnded(1, 0.0, 1.0),
        TurnStarted(2, 1.5),
        "finalize 2.5",
        TurnEnded(2, 1.5, 2.5),
        Final(1, 0.0, 1.0, first, ENGLISH),
        Final(2, 1.5, 2.5, second, ENGLISH),
    ) == ["0-1 final end: one", "1-2.5 final finalize: two"]


def test_turns_that_are_told_late_are_not_those_that_were_finalized():
    """Words wait until it is known who says them, and the ends of their turns with them."""
    first, second = words("one"), words("two", 2.0)
    assert told(
        PLAIN,
        "finalize 2.5",
        "finalize 2.5",
        TurnStarted(1, 0.0),
        SpeechPaused(1, 0.5),
        TurnEnded(1, 0.0, 1.0),
        Final(1, 0.0, 1.0, first, ENGLISH),
        TurnStarted(2, 1.5),
        TurnEnded(2, 1.5, 2.5),
        Final(2, 1.5, 2.5, second, ENGLISH),
        TurnEnded(3, 2.5, 2.5),
        Final(3, 2.5, 2.5, (), None),
    ) == ["0-1 final end: one", "1-2.5 final finalize: two", "2.5-2.5 final finalize:"]


def test_the_end_of_the_stream_is_the_end_of_speech():
    said = words("one two")
    assert told(
        PLAIN,
        TurnStarted(1, 0.0),
        "close 1",
        TurnEnded(1, 0.0, 1.0),
        Final(1, 0.0, 1.0, said, ENGLISH),
    ) == ["0-1 final end: one two"]


def test_an_utterance_ends_once_when_nothing_has_followed_for_long_enough():
    assert told(
        ALL,
        *turn(1, "one two", 0.5, 2.0),
        2.0,
        2.4,
        2.5,
        3.0,
        4.0,
        *turn(2, "three", 4.5, 5.5),
        6.0,
    ) == [
        "started 0.5",
        "0-1.5 interim: one two",
        "0-2 final end: one two",
        "utterance end 1.5",
        "started 4.5",
        "2-5 interim: three",
        "2-5.5 final end: three",
        "utterance end 5",
    ]


def test_an_utterance_ends_after_its_words_are_final():
    said = words("one two")
    options = replace(PLAIN, utterance_end_s=1.0)
    assert told(
        options,
        TurnStarted(1, 0.0),
        Update(1, (), said),
        SpeechPaused(1, 1.0),
        2.5,
        Update(1, said, ()),
        2.5,
        SpeechResumed(1),
        Update(1, words("three", 5.0), ()),
    ) == ["0-1 final: one two", "utterance end 1"]


def test_words_long_after_others_are_a_new_utterance():
    options = replace(PLAIN, utterance_end_s=1.0)
    said = words("One.")
    late = words("Two.", 3.0)
    assert told(
        options,
        TurnStarted(1, 0.0),
        Update(1, said, ()),
        Update(1, late, ()),
        TurnEnded(1, 0.0, 4.0),
        Final(1, 0.0, 4.0, said + late, ENGLISH),
    ) == ["0-0.5 final: one", "utterance end 0.5", "0.5-3.5 final: two"]


def test_the_last_utterance_ends_however_late_its_words_are_known():
    """They may come when all of the audio was received."""
    for received_s, ends in ((3.0, ["utterance end 1.5"]), (2.4, [])):
        live = LiveResults(replace(PLAIN, utterance_end_s=1.0), KNOWN)
        found = played(live, [received_s, *turn(1, "one two", 0.5, 2.0)])
        assert [line(each) for each in found] == ["0-2 final end: one two"]
        assert [line(each) for each in live.utterance_over()] == ends


def test_an_utterance_goes_on_while_its_words_are_committed():
    """Each soon after the one before, however long ago the last one was told as final."""
    options = replace(PLAIN, utterance_end_s=1.0)
    first, second = words("two three", 2.0), words("four", 3.0)
    assert told(
        options,
        *turn(1, "one", 1.0, 2.0),
        TurnStarted(2, 2.0),
        Update(2, first, ()),
        Update(2, second, ()),
        TurnEnded(2, 2.0, 4.0),
        Final(2, 2.0, 4.0, first + second, ENGLISH),
    ) == ["0-2 final end: one", "2-4 final: two three four"]


def test_words_that_are_not_final_are_told_before_the_end_of_their_utterance():
    options = replace(PLAIN, utterance_end_s=1.0)
    first, late = words("one"), words("two", 2.0)
    assert told(options, TurnStarted(1, 0.0), Update(1, first, ()), Update(1, late, ())) == [
        "0-0.5 final: one",
        "utterance end 0.5",
    ]


def test_silence_is_told_now_and_then():
    assert told(PLAIN, *(float(i) for i in range(12))) == ["0-4 final:", "4-9 final:"]


def test_what_was_told_as_silence_takes_nothing_of_the_words_behind_it():
    """Who begins to speak is believed a moment later."""
    said = words("late", 4.6)
    live = LiveResults(PLAIN, KNOWN)
    found = played(live, [5.0, TurnStarted(1, 4.5), SpeechPaused(1, 5.5), TurnEnded(1, 4.5, 6.0)])
    found += played(live, [Final(1, 4.5, 6.0, said, ENGLISH)])
    assert [line(each) for each in found] == ["0-4 final:", "4-6 final end: late"]
    assert found[-1].channel.alternatives[0].words[0].start == 4.6


def test_long_speech_without_new_words_is_told_with_interims():
    said = words("hm")
    assert told(INTERIM, 0.5, TurnStarted(1, 0.0), Update(1, (), said), 3.0, 6.0) == [
        "0-0.5 interim: hm",
        "0-6 interim: hm",
    ]
    assert told(PLAIN, 0.5, TurnStarted(1, 0.0), Update(1, (), said), 3.0, 6.0) == []


def test_languages_are_told_once_a_turn_is_over():
    """What it is, is not known before."""
    results = LiveResults(ResultOptions(interim_results=True, languages=True), KNOWN)
    said = words("Guten Tag.")
    interim = results.take(Update(1, said, ()))
    final = results.take(Final(1, 0.0, 1.5, said, Language("de", 0.9)))
    assert [line(each) for each in interim + final] == [
        "0-1 interim: guten tag",
        "0-1.5 final end: guten tag",
    ]
    bodies = [msgspec.to_builtins(each)["channel"]["alternatives"][0] for each in interim + final]
    assert [body.get("languages") for body in bodies] == [None, ("de",)]
    assert [[word.get("language") for word in body["words"]] for body in bodies] == [
        [None, None],
        ["de", "de"],
    ]


def test_words_that_were_read_are_told_although_the_turn_failed():
    said = words("one two")
    assert told(
        PLAIN,
        TurnStarted(1, 0.0),
        Update(1, said, ()),
        TurnEnded(1, 0.0, 1.5),
        TurnFailed(1, 0.0, 1.5, said, "the engine failed"),
    ) == ["0-1.5 final: one two"]


def test_words_lie_within_their_span():
    said = (LiveWord(" One.", 0.0, 1.0, 0.9), LiveWord(" two", 0.9, 1.5, 0.9))
    results = LiveResults(PLAIN, KNOWN)
    results.take(Update(1, said[:1], ()))
    body = msgspec.to_builtins(results.take(Final(1, 0.0, 2.0, said, ENGLISH))[0])
    assert [(w["start"], w["end"]) for w in body["channel"]["alternatives"][0]["words"]] == [
        (1.0, 1.5)
    ]


@pytest.mark.parametrize(("term", "hits"), [("two", 1), ("three", 0)])
def test_finals_tell_what_is_searched_for(term: str, hits: int):
    results = LiveResults(replace(INTERIM, searches=(term,)), KNOWN)
    said = words("one two")
    interim = msgspec.to_builtins(results.take(Update(1, (), said))[0])
    final = msgspec.to_builtins(results.take(Final(1, 0.0, 2.0, said, ENGLISH))[0])
    assert "search" not in interim["channel"]
    assert len(final["channel"]["search"][0]["hits"]) == hits

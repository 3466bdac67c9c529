"""Turns that the client ends, that a model ends, or that end because the stream does."""

from __future__ import annotations

import numpy as np

from auricle.live.effects import (
    EndOfTurnPredicted,
    Final,
    Forgotten,
    ReadWanted,
    SpeechPaused,
    SpeechResumed,
    TurnEnded,
    TurnFailed,
    TurnStarted,
    Update,
)
from tests.live.saying import EN, begun, heard, pause, read, session, speak, words


def test_a_manual_turn_is_all_the_audio_since_the_last_commit():
    live = session(ending="manual")
    assert pause(live, 1.28) == []
    assert speak(live, 0.64) == [TurnStarted(1, 0.0), ReadWanted("partial")]
    assert begun(live).start_s == 0.96  # only what may be speech is read
    pause(live, 6.4)
    assert live.commit() == [TurnEnded(1, 0.0, 8.32), ReadWanted("final")]
    assert read(live, "yes", 1.4) == [
        Update(1, words("yes", 1.4), ()),
        Final(1, 0.0, 8.32, words("yes", 1.4), EN),
    ]
    assert speak(live, 0.64) == [TurnStarted(2, 8.32), ReadWanted("partial")]


def test_a_commit_in_mid_speech_reads_what_was_said_up_to_there():
    live = session(ending="manual")
    speak(live, 1.6)
    live.commit()
    request = begun(live)
    assert (request.kind, request.start_s, request.end_s) == ("final", 0.0, 1.6)


def test_a_commit_without_speech_is_an_empty_turn():
    live = session(ending="manual")
    pause(live, 1.28)
    assert live.commit() == [TurnEnded(1, 0.0, 1.28), Final(1, 0.0, 1.28, (), None)]
    assert live.commit() == [TurnEnded(2, 1.28, 1.28), Final(2, 1.28, 1.28, (), None)]


def test_an_empty_turn_waits_for_the_one_before():
    live = session(ending="manual")
    speak(live, 1.6)
    live.commit()
    assert live.commit() == [TurnEnded(2, 1.6, 1.6)]
    assert read(live, "yes", 0.3)[1:] == [
        Final(1, 0.0, 1.6, words("yes", 0.3), EN),
        Final(2, 1.6, 1.6, (), None),
    ]


def test_a_client_may_commit_before_silence_ends_the_turn():
    live = session()
    speak(live, 1.6)
    assert live.commit() == [TurnEnded(1, 0.0, 1.6), ReadWanted("final")]
    read(live, "yes", 0.3)
    assert pause(live, 3.2) == []


def test_a_cleared_turn_never_was():
    live = session()
    speak(live, 1.6)
    request = begun(live)
    assert live.clear() == [Forgotten(1)]
    assert live.answer(request.id, heard("never", 0.3)) == []
    assert pause(live, 1.6) == []
    assert live.next_read() is None
    assert speak(live, 0.64) == [TurnStarted(2, 2.88), ReadWanted("partial")]
    assert begun(live).start_s == 2.88


def test_clearing_keeps_the_turn_that_has_ended():
    live = session()
    speak(live, 1.6)
    pause(live, 0.64)
    speak(live, 0.64)
    live.clear()
    assert read(live, "kept", 0.3)[-1] == Final(1, 0.0, 2.24, words("kept", 0.3), EN)


def test_clearing_nothing_is_nothing():
    live = session()
    assert live.clear() == [Forgotten(None)]
    assert speak(live, 0.64) == [TurnStarted(1, 0.0), ReadWanted("partial")]


def test_the_last_words_of_a_stream_are_not_lost():
    live = session()
    speak(live, 1.6)
    assert live.finish() == [TurnEnded(1, 0.0, 1.6), ReadWanted("final")]
    assert read(live, "goodbye", 0.9)[-1] == Final(1, 0.0, 1.6, words("goodbye", 0.9), EN)
    assert live.finish() == []


def test_a_stream_without_speech_ends_with_nothing():
    live = session()
    pause(live, 1.6)
    assert live.finish() == []


def test_a_model_of_turn_taking_ends_a_turn():
    live = session(ending="semantic", end_probability=0.7)
    speak(live, 1.6)
    assert pause(live, 0.64) == [SpeechPaused(1, 1.6), ReadWanted("final")]
    read(live, "well", 0.3)
    assert live.take_end_probability(0.6) == [EndOfTurnPredicted(1, 0.6)]
    assert speak(live, 0.32) == [SpeechResumed(1), ReadWanted("partial")]
    read(live, "well yes", 0.3)
    pause(live, 0.32)
    read(live, "yes", 0.6)
    assert live.take_end_probability(0.8) == [
        EndOfTurnPredicted(1, 0.8),
        TurnEnded(1, 0.0, 2.88),
        Update(1, words("yes", 0.6), ()),
        Final(1, 0.0, 2.88, words("well yes", 0.3), EN),
    ]


def test_a_model_of_turn_taking_that_comes_late_ends_nothing():
    live = session(ending="semantic")
    speak(live, 1.6)
    pause(live, 0.32)
    live.commit()
    assert live.take_end_probability(0.99) == []


def test_a_model_of_turn_taking_hears_the_last_eight_seconds():
    live = session(ending="semantic")
    tone = np.linspace(-1, 1, 16_000 * 10, dtype=np.float32)
    live.push(tone, [0.9] * 312)
    assert np.array_equal(live.recent(8.0), tone[-16_000 * 8 :])


def test_a_turn_that_could_not_be_read_is_read_again():
    """An engine that died in mid-turn must not cost the turn."""
    live = session()
    speak(live, 1.6)
    pause(live, 0.64)
    assert live.fail(begun(live).id, "the engine died") == [ReadWanted("final")]
    assert read(live, "yes", 0.3)[-1] == Final(1, 0.0, 2.24, words("yes", 0.3), EN)


def test_a_partial_that_could_not_be_read_is_an_update_less():
    live = session()
    speak(live, 1.6)
    assert live.fail(begun(live).id, "the engine died") == [ReadWanted("partial")]


def test_a_turn_that_fails_again_and_again_is_given_up_and_the_next_is_read():
    live = session()
    speak(live, 1.6)
    read(live, "ask not", 0.3)
    pause(live, 0.64)
    speak(live, 0.96)
    for _ in range(2):
        assert live.fail(begun(live).id, "the engine died") == [ReadWanted("final")]
    assert live.fail(begun(live).id, "the engine died") == [
        Update(1, words("ask not", 0.3), ()),  # what was heard of it is not lost
        TurnFailed(1, 0.0, 2.24, words("ask not", 0.3), "the engine died"),
        ReadWanted("partial"),
    ]
    assert begun(live).turn == 2

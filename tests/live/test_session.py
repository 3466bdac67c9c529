"""Whole sessions: audio and hypotheses go in, and every effect that comes out is compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auricle.live.effects import (
    Effect,
    Final,
    ReadResult,
    ReadWanted,
    SpeechPaused,
    SpeechResumed,
    TurnEnded,
    TurnStarted,
    Update,
)
from auricle.live.session import LiveSession
from auricle.live.transcript import TurnTranscript
from tests.live.saying import (
    EN,
    NOTHING,
    begun,
    feed,
    heard,
    pause,
    read,
    session,
    speak,
    text,
    words,
)


def test_a_turn_from_its_first_word_to_its_final_text():
    live = session()
    assert pause(live, 0.32) == []
    assert speak(live, 1.28) == [TurnStarted(1, 0.0), ReadWanted("partial")]

    request = begun(live)
    assert (request.turn, request.kind, request.start_s, request.end_s) == (1, "partial", 0.0, 1.6)
    assert (request.prefix, request.draft, request.context, request.language) == ((), (), "", "en")
    assert live.answer(request.id, heard("ask not", 0.3)) == [
        Update(1, (), words("ask not", 0.3)),
    ]

    assert speak(live, 0.32) == [ReadWanted("partial")]
    assert read(live, "ask not what", 0.3) == [
        Update(1, words("ask not", 0.3), words("what", 0.9)),
    ]

    assert pause(live, 0.64) == [
        SpeechPaused(1, 1.92),
        ReadWanted("final"),  # it may be the end, so what was said is read as well as possible
        TurnEnded(1, 0.0, 2.56),
    ]
    request = begun(live)
    assert (request.kind, request.start_s) == ("final", 0.0)
    assert request.end_s == pytest.approx(2.32)  # no more silence than words may end in
    assert (request.prefix, request.draft) == ((3, 3), (4,))  # tokens are the words' lengths
    assert live.answer(request.id, heard("what you can", 0.9)) == [
        Update(1, words("what you can", 0.9), ()),
        Final(1, 0.0, 2.56, words("ask not what you can", 0.3), EN),
    ]
    assert pause(live, 5.0) == []


def test_silence_is_never_read():
    live = session()
    assert pause(live, 60.0) == []
    assert live.next_read() is None


def test_what_was_said_is_read_before_the_turn_ends():
    """The final text is there as soon as the turn ends, if the engine was quick enough."""
    live = session()
    speak(live, 1.28)
    read(live, "yes", 0.3)
    assert pause(live, 0.32) == [SpeechPaused(1, 1.28), ReadWanted("final")]
    assert read(live, "yes please", 0.9) == [Update(1, (), words("yes please", 0.9))]
    assert pause(live, 0.32) == [
        Update(1, words("yes please", 0.9), ()),  # 0.5 s of silence: nothing can change it
        TurnEnded(1, 0.0, 1.92),
        Final(1, 0.0, 1.92, words("yes please", 0.9), EN),
    ]


def test_what_was_read_in_a_pause_is_tentative_if_the_speaker_goes_on():
    live = session()
    speak(live, 1.28)
    pause(live, 0.32)
    read(live, "yes please", 0.3)
    assert speak(live, 0.32) == [SpeechResumed(1), ReadWanted("partial")]
    assert read(live, "yes pleased", 0.3) == [
        Update(1, words("yes", 0.3), words("pleased", 0.6)),
    ]


def test_committed_words_are_the_prefix_of_all_that_is_read_later():
    live = session()
    speak(live, 1.92)
    read(live, "ask not what you", 0.3)
    speak(live, 0.32)
    read(live, "ask not what you", 0.3)
    for _ in range(3):
        speak(live, 0.32)
        request = begun(live)
        assert request.prefix == (3, 3, 4)
        live.answer(request.id, heard("there", 1.2))
        live.answer(request.id, NOTHING)


def spans(effects: list[Effect]) -> list[tuple[str, float, float]]:
    """Where the words of updates are, committed or not."""
    updates = [each for each in effects if isinstance(each, Update)]
    found = [word for update in updates for word in (*update.committed, *update.tentative)]
    return [(word.text.strip(), word.start_s, word.end_s) for word in found]


def test_words_of_two_readings_do_not_overlap():
    live = session()
    speak(live, 1.28)
    read(live, "ask not", 0.0)
    speak(live, 0.32)
    assert read(live, "ask not what", 0.0) == [Update(1, words("ask not"), words("what", 0.6))]
    speak(live, 0.32)
    assert spans(read(live, "what you", 0.5)) == [("what", 0.6, 0.8), ("you", 0.8, 1.1)]


def test_a_stream_is_overdue_since_the_first_word_that_is_not_committed():
    live = session()
    assert live.overdue_s() == 0.0
    speak(live, 1.28)
    assert live.overdue_s() == 1.28
    read(live, "ask not", 0.3)
    assert live.overdue_s() == pytest.approx(1.28 - 0.6)
    speak(live, 0.32)
    read(live, "ask not what", 0.3)  # "what" is not committed, and ends at 1.2
    assert live.overdue_s() == pytest.approx(1.6 - 1.2)
    pause(live, 0.64)
    read(live, "ask not what", 0.3)
    assert live.overdue_s() == 0.0


def test_no_word_begins_before_its_turn():
    live = session()
    pause(live, 0.96)
    speak(live, 1.28)
    assert spans(read(live, "ask", 0.5)) == [("ask", 0.64, 0.8)]


def test_no_word_begins_before_the_last_of_the_turn_before_ends():
    """One that has no time at the end of its turn gets some behind it."""
    live = session(ending="manual")
    speak(live, 1.28)
    live.commit()
    said = (*words("ask", 0.3, 0.98), *words("not", 1.27, 0.01))
    assert spans(live.answer(begun(live).id, ReadResult(said, EN)))[-1] == ("not", 1.28, 1.3)
    speak(live, 1.28)
    assert spans(read(live, "what", 1.28)) == [("what", 1.3, 1.58)]


def test_a_newer_reading_replaces_one_that_was_not_begun():
    """However late the engine comes, it reads the audio up to now."""
    live = session()
    assert speak(live, 5.12).count(ReadWanted("partial")) == 1
    assert begun(live).end_s == 5.12
    assert live.next_read() is None


def test_while_one_reading_runs_no_other_is_wanted():
    live = session()
    speak(live, 1.28)
    request = begun(live)
    assert speak(live, 2.56) == []
    assert live.answer(request.id, heard("ask", 0.3)) == [
        Update(1, (), words("ask", 0.3)),
        ReadWanted("partial"),
    ]
    assert begun(live).end_s == 3.84


def test_the_end_of_a_turn_does_not_wait_for_a_partial():
    live = session()
    speak(live, 1.28)
    partial = begun(live)
    pause(live, 0.64)
    final = begun(live)
    assert final.kind == "final"
    assert live.answer(partial.id, heard("asked", 0.3)) == []  # it counts no more
    assert live.answer(final.id, heard("ask", 0.3))[-1] == Final(
        1, 0.0, 1.92, words("ask", 0.3), EN
    )


def test_an_answer_nobody_waits_for_is_dropped():
    live = session()
    assert live.answer(7, heard("ask")) == []
    assert live.fail(7, "the engine died") == []


def test_the_interval_grows_under_load():
    live = session()
    live.interval_s = 2.0
    assert speak(live, 1.92) == [TurnStarted(1, 0.0)]
    assert speak(live, 0.32) == [ReadWanted("partial")]


def test_an_update_that_changes_nothing_is_none():
    live = session()
    speak(live, 0.64)
    read(live, "ask", 0.3)
    speak(live, 0.32)
    assert read(live, "ask", 0.31) == []


def test_turns_become_final_in_order():
    """The second turn has ended before the first was read."""
    live = session()
    effects = [e for _ in range(2) for e in speak(live, 0.96) + pause(live, 0.96)]
    assert [e for e in effects if not isinstance(e, ReadWanted | SpeechPaused)] == [
        TurnStarted(1, 0.0),
        TurnEnded(1, 0.0, 1.6),
        TurnStarted(2, 1.6),
        TurnEnded(2, 1.6, 3.52),
    ]
    assert read(live, "one", 0.3)[-2:] == [
        Final(1, 0.0, 1.6, words("one", 0.3), EN),
        ReadWanted("final"),
    ]
    assert read(live, "two", 2.2)[-1] == Final(2, 1.6, 3.52, words("two", 2.2), EN)


def after_a_turn() -> LiveSession:
    """A second after somebody said "ask not"."""
    live = session()
    speak(live, 0.96)
    pause(live, 0.64)
    read(live, "ask not", 0.3)
    pause(live, 0.32)
    return live


def test_a_turn_is_read_with_what_was_said_shortly_before():
    live = after_a_turn()
    speak(live, 0.64)
    request = begun(live)
    assert (request.turn, request.start_s, request.prefix) == (2, 0.0, (3, 3))


def test_words_before_a_turn_that_lead_astray_are_left_out():
    """With them, two seconds of speech are passed over: it is read again, without."""
    live = after_a_turn()
    speak(live, 1.92)
    request = begun(live)
    assert (request.start_s, request.prefix) == (0.0, (3, 3))
    assert live.answer(request.id, heard("country", 3.6)) == [ReadWanted("partial")]
    request = begun(live)
    assert (request.start_s, request.prefix, request.context) == (1.6, (), " ask not")
    assert live.answer(request.id, heard("what your country", 2.2)) == [
        Update(2, (), words("what your country", 2.2))
    ]


def test_words_before_a_turn_with_which_nothing_can_have_been_said_are_left_out():
    live = after_a_turn()
    speak(live, 1.92)
    squeezed = ReadResult(words("what your country can do", 2.2, 0.02), EN)
    assert live.answer(begun(live).id, squeezed) == [ReadWanted("partial")]
    request = begun(live)
    assert (request.start_s, request.prefix) == (1.6, ())


def test_one_reading_without_the_words_before_it_counts_for_nothing():
    """A search that ended at once made the window begin anew, without what it had understood."""
    live = after_a_turn()
    speak(live, 1.92)
    read(live, "what your country", 2.2)
    speak(live, 0.32)
    assert live.answer(begun(live).id, NOTHING) == []
    assert live.next_read() is None  # there is nothing new yet
    speak(live, 0.32)
    request = begun(live)
    assert (request.start_s, request.prefix, request.draft) == (0.0, (3, 3), (4, 4, 7))
    assert live.answer(request.id, NOTHING) == [ReadWanted("partial")]
    assert begun(live).prefix == ()  # twice is no accident


def test_speech_nobody_understands_is_read_on():
    """Nothing is to be blamed for it but the speech."""
    live = session()
    speak(live, 3.2)
    assert read(live, "well", 2.9) == [Update(1, (), words("well", 2.9))]
    speak(live, 0.32)
    assert begun(live).end_s == 3.52


def test_a_turn_after_a_long_silence_is_read_alone():
    live = session()
    speak(live, 0.96)
    pause(live, 0.64)
    read(live, "ask not", 0.3)
    pause(live, 4.0)
    speak(live, 0.64)
    request = begun(live)
    assert (request.turn, request.prefix, request.context) == (2, (), " ask not")
    assert request.start_s == 5.28


def test_a_long_window_begins_later_between_two_committed_words():
    live = session()
    said = "one two three four five six seven eight nine ten eleven twelve"
    speak(live, 10.24)
    read(live, said, 0.3)
    speak(live, 0.64)
    read(live, said, 0.3)  # all but the last are committed
    speak(live, 0.64)
    request = begun(live)
    first = text(words(said, 0.3)[-len(request.prefix) - 1 : -1])
    assert said.endswith(f"{first} twelve")
    assert request.start_s > 0.3
    assert f"{request.context} {first} twelve" == " " + said


def test_a_window_is_never_longer_than_the_limit():
    """Nothing could be committed for so long: nobody understood anything. Reading goes on."""
    live = session()
    starts = []
    for _ in range(60):
        speak(live, 1.0)
        request = live.next_read()
        if request is not None:
            assert len(request.pcm) <= 15 * 16_000
            starts.append(request.start_s)
            live.answer(request.id, NOTHING)
    assert starts == sorted(starts)
    assert starts[-1] > 40


def test_a_full_window_is_committed_without_agreement():
    live = session()
    speak(live, 20.0)
    request = begun(live)
    assert (request.start_s, request.end_s) == (0.0, 15.0)
    said = [f"word{i}" for i in range(50)]
    effects = live.answer(request.id, heard(" ".join(said)))
    assert effects[0] == Update(1, words(" ".join(said))[:48], words(" ".join(said))[48:])


def test_the_end_of_a_turn_that_was_cut_is_read_once():
    """The turn's end lay before its last speech: it was read on and on, and nothing came of it."""
    live = session(ending="manual", longest_s=9.6)
    speak(live, 8.0)
    feed(live, 0.128, 0.6)
    effects = speak(live, 1.28) + pause(live, 0.64)
    assert [type(effect) for effect in effects].count(TurnEnded) == 1
    n_reads = 0
    while (request := live.next_read()) is not None:
        live.answer(request.id, NOTHING)
        n_reads += 1
    assert (live.is_idle, n_reads) == (True, 1)


def test_nothing_is_said_behind_the_end_of_a_turn():
    turn = TurnTranscript(1, 0.0, 0.0, is_speaking=False, speech_end_s=29.6, end_s=25.2)
    assert turn.speech_until_s == 25.2


def test_a_turn_is_ended_by_what_ends_turns_now():
    """Its client has said so in the middle of it, and does not commit any more."""
    live, other = session(ending="manual"), session().options
    assert speak(live, 1.28)[0] == TurnStarted(1, 0.0)
    assert not [each for each in pause(live, 1.92) if isinstance(each, TurnEnded)]
    live.configure(replace(other, language="de"))
    assert TurnEnded(1, 0.0, 3.232) in pause(live, 0.032)
    request = begun(live)
    assert request.language == "en", "all else holds from the next turn on"
    live.answer(request.id, heard("yes", 0.3))
    speak(live, 1.28)
    assert begun(live).language == "de"


def test_nothing_but_the_client_ends_a_turn_once_it_is_to():
    live = session(ending="semantic", max_wait_s=4.0)
    speak(live, 1.28)
    pause(live, 0.32)
    live.configure(session(ending="manual").options)
    assert TurnEnded(1, 0.0, 1.6) not in live.take_end_probability(0.99)  # an answer under way
    assert not [each for each in pause(live, 8.0) if isinstance(each, TurnEnded)]
    assert live.commit()[0] == TurnEnded(1, 0.0, 9.6)


def test_no_partial_reading_begins_in_what_may_become_a_pause():
    """The final one would have to wait for it."""
    live = session()
    assert ReadWanted("partial") in speak(live, 1.28)
    read(live, "ask not", 0.3)
    assert speak(live, 0.256) == []
    assert pause(live, 0.128) == []  # by now it is time, but nobody speaks
    assert speak(live, 0.128) == [ReadWanted("partial")]  # it was no pause
    read(live, "ask not what", 0.3)
    assert pause(live, 0.384) == [SpeechPaused(1, 1.792), ReadWanted("final")]

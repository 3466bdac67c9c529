"""What the log of a live stream says about delays, corrections and errors."""

from __future__ import annotations

from auricle.live.effects import Effect, Final, SpeechPaused, TurnEnded, TurnStarted, Update
from auricle.types import Language
from auricle_bench.live.measures import Measures, Reference
from tests.live.saying import words

EN = Language("en")
SAID = Reference(
    "Ask not what your country",
    "en",
    (("ask", 1.0), ("not", 2.0), ("what", 3.0), ("your", 4.0), ("country", 5.0)),
)

LOG: list[tuple[float, Effect]] = [
    (0.5, TurnStarted(1, 0.0)),
    (1.5, Update(1, (), words("ask"))),
    (2.25, Update(1, (), words("ask hot"))),
    (3.5, Update(1, words("ask"), words("not what"))),
    (4.5, Update(1, words("not what"), words("your"))),
    (5.5, SpeechPaused(1, 5.0)),
    (6.0, TurnEnded(1, 0.0, 6.0)),
    (6.25, Update(1, words("your county"), ())),
    (6.25, Final(1, 0.0, 6.0, words("ask not what your county"), EN)),
]


def test_a_stream_is_measured():
    measures = Measures()
    assert measures.add(LOG, SAID) == "ask not what your county"
    assert measures == Measures(
        tentative_s=[0.5, 1.5, 0.5, 0.5],  # ask, not, what, your; country is never right
        commit_s=[2.5, 2.5, 1.5, 2.25],
        final_s=[0.25],
        n_corrections=1,  # hot
        n_retracted=0,
        n_units=5,
        n_errors=1,
    )


def test_several_turns_are_one_transcript():
    log: list[tuple[float, Effect]] = [
        (2.5, Update(1, words("ask not"), ())),
        (2.5, TurnEnded(1, 0.0, 2.5)),
        (2.5, Final(1, 0.0, 2.5, words("ask not"), EN)),
        (5.5, Update(2, words("what your country"), ())),
        (5.5, TurnEnded(2, 2.5, 5.5)),
        (5.5, Final(2, 2.5, 5.5, words("what your country"), EN)),
    ]
    measures = Measures()
    assert measures.add(log, SAID) == "ask not what your country"
    assert measures.commit_s == [1.5, 0.5, 2.5, 1.5, 0.5]
    assert (measures.n_errors, measures.n_corrections) == (0, 0)


def test_a_final_text_that_differs_from_what_was_committed_is_seen():
    log: list[tuple[float, Effect]] = [
        (2.5, Update(1, words("ask hot"), ())),
        (2.5, TurnEnded(1, 0.0, 2.5)),
        (2.5, Final(1, 0.0, 2.5, words("ask not"), EN)),
    ]
    measures = Measures()
    measures.add(log, SAID)
    assert measures.n_retracted == 1


def test_without_word_times_only_errors_are_counted():
    measures = Measures()
    measures.add(LOG, Reference("Ask not what your country", "en"))
    assert (measures.tentative_s, measures.commit_s, measures.n_errors) == ([], [], 1)

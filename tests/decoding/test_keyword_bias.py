"""Expected terms are found more easily, by what they are worth, and nothing else changes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from auricle.decoding import loop
from auricle.decoding.job import FinalText, Options, Row
from auricle.decoding.keyword_bias import KeywordTree, Moves, candidates
from auricle.decoding.network import StepOutput
from auricle.decoding.rules import Allowed
from auricle.whisper.keywords import ExpectedTokens
from tests.decoding.scripted import END, FIRST, START, VOCABULARY, ScriptedNetwork

PROMPT = (START,)
GREEDY = Options(beam_size=1, temperature=0.0, max_tokens=24, patience=1.0, suppress=())
BEAM = Options(beam_size=5, temperature=0.0, max_tokens=24, patience=1.0, suppress=())


def tree(*terms, boost=2.0) -> KeywordTree:
    return KeywordTree([ExpectedTokens(ids, boost) for ids in terms])


def worth(tree: KeywordTree, *text: int) -> dict[int | None, float]:
    """Of each next token; None stands for all others. What is worth nothing is left out."""
    moves = tree.moves(text)
    found = dict(zip(moves.ids.tolist(), moves.bonuses.tolist(), strict=True))
    return {token: bonus for token, bonus in {**found, None: moves.otherwise}.items() if bonus}


def bonuses(tree: KeywordTree, text: tuple[int, ...]) -> Iterator[float]:
    """Of each token of a text."""
    for n, token in enumerate(text):
        moves = tree.moves(text[:n])
        listed = dict(zip(moves.ids.tolist(), moves.bonuses.tolist(), strict=True))
        yield listed.get(token, moves.otherwise)


def test_what_begins_a_term_or_goes_on_with_it_is_worth_something():
    terms = tree((1, 2, 3), (1, 4), (5,))
    assert worth(terms) == {1: 2, 5: 2}
    assert worth(terms, 9, 9) == {1: 2, 5: 2}
    assert worth(terms, 9, 1) == {2: 2, 4: 2, None: -2}  # 5: worth 2, and 1 was worth nothing


def test_a_term_that_is_left_unfinished_was_worth_nothing():
    terms = tree((1, 2, 3), (5,))
    assert worth(terms, 1, 2) == {3: 2, 1: -2, 5: -2, None: -4}


def test_a_whole_term_stays_worth_it():
    assert worth(tree((1, 2), (5,)), 1, 2) == {5: 2}
    assert worth(tree((1, 2), (1, 2, 3, 4)), 1, 2, 3) == {4: 2, None: -2}
    assert worth(tree((1, 2, 3), (2,)), 1, 2) == {3: 2, None: -2}  # 2 is whole


def test_a_term_is_found_that_begins_in_another():
    terms = tree((1, 2, 3), (2, 4))
    assert worth(terms, 1, 2) == {3: 2, 1: -2, 2: -2, None: -4}  # 4: two tokens are worth 4
    assert worth(terms, 1, 2, 4) == {1: 2}
    assert worth(terms, 9, 2) == {4: 2, None: -2}


def test_what_two_terms_share_counts_once():
    assert worth(tree((1, 2), (2, 3)), 1, 2) == {2: 2, 3: 2}  # 1 2 3 is worth 6
    # instead of 1 and 2, of which 2 stays, 2 and 3 are begun
    assert worth(tree((1, 2, 9), (2,), (2, 3, 4)), 1, 2) == {9: 2, None: -2}


def test_terms_are_worth_no_more_than_their_tokens():
    """However they overlap; and nothing as long as none is whole."""
    rng = random.Random(1)
    for _ in range(150):
        terms = {tuple(rng.choices(range(4), k=rng.randrange(1, 5))) for _ in range(3)}
        text = tuple(rng.choices(range(5), k=12))
        found = sum(
            len(term) for term in terms for i in range(12) if text[i : i + len(term)] == term
        )
        gained = sum(bonuses(tree(*terms, boost=1.0), (*text, 5)))
        assert 0 <= gained <= found


def test_to_say_a_term_again_at_once_is_worth_nothing():
    terms = tree((1, 2), (5,))
    assert worth(terms, 1, 2) == {5: 2}
    assert worth(terms, 1, 2, 1) == {5: 2, 1: 2}  # 1 2 1 1 2 is no loop yet
    assert worth(terms, 1, 2, 1, 2) == {5: 2}
    assert worth(terms, 1, 2, 9) == {1: 2, 5: 2}
    assert sum(bonuses(terms, (1, 2) * 6)) == 4
    assert sum(bonuses(tree((1, 1)), (1,) * 8)) == 4


def test_a_term_may_be_unlikely():
    terms = tree((1, 2), boost=-2.0)
    assert worth(terms) == {1: -2}
    assert worth(terms, 1) == {2: -2, None: 2}
    assert worth(terms, 1, 2) == {}


@pytest.mark.parametrize("order", [1, -1])
def test_terms_that_begin_alike_are_each_worth_their_own_boost(order):
    """What they share had the boost of the one that was named first, and with it their rest."""

    def gained(*terms: ExpectedTokens) -> list[float]:
        found = KeywordTree(terms[::order])
        return [sum(bonuses(found, (*term.ids, 9))) for term in terms]

    high, low, not_said = (
        ExpectedTokens((1, 2), 2.0),
        ExpectedTokens((1, 3), 0.5),
        ExpectedTokens((1,), -1.0),
    )
    assert gained(high, low) == [4.0, 1.0]
    assert gained(high, low, not_said) == [4.0, 1.0, -1.0]
    assert worth(KeywordTree([high, low][::order]), 1) == {2: 2, 3: -1, None: -2}


TERM = ExpectedTokens((4, 5), 1.5)


def scripted() -> ScriptedNetwork:
    """It hears 3 5 in both windows, and 4 5 with log-probability -1 less."""
    scripts: dict[tuple[int, tuple[int, ...]], dict[int, float]] = {}
    for window in (1, 2):
        scripts[window, (FIRST,)] = {3: 50, 4: 49}
        scripts[window, ()] = {FIRST: 50}
        for token in (3, 4):
            scripts[window, (FIRST, token)] = {5: 50, 6: 49.9}
            for last in (5, 6):
                scripts[window, (FIRST, token, last)] = {FIRST + 9: 50}
                scripts[window, (FIRST, token, last, FIRST + 9)] = {END: 60}
    return ScriptedNetwork(scripts)


def decoded(rows, options) -> dict[int, FinalText]:
    said = loop.decode(scripted(), VOCABULARY, rows, options)
    return {found.window: found for found in said if isinstance(found, FinalText)}


@pytest.mark.parametrize("options", [GREEDY, BEAM], ids=["greedy", "beam"])
def test_what_is_expected_is_found_in_its_window_alone(options):
    """Although it is less probable; the probabilities that are told are those of the network."""
    found = decoded([Row(1, PROMPT), Row(2, PROMPT, expected=(TERM,))], options)
    assert found[1].ids == (FIRST, 3, 5, FIRST + 9)
    assert found[2].ids == (FIRST, 4, 5, FIRST + 9)
    first, second = -math.log(1 + math.exp(1)), -math.log(1 + math.exp(-0.1))
    assert found[2].logprobs == pytest.approx((0, first, second, 0), abs=1e-3)
    assert found[2].avg_logprob == pytest.approx((first + second) / 5, abs=1e-3)
    for row in (Row(1, PROMPT), Row(2, PROMPT, expected=(TERM,))):
        assert decoded([row], options)[row.window] == found[row.window]


@pytest.mark.parametrize("options", [GREEDY, BEAM], ids=["greedy", "beam"])
def test_what_should_not_be_said_gives_way_to_the_next_best(options):
    """Not to the end of the text, where only the best word was looked at."""
    unwanted = ExpectedTokens((3,), -2.0)
    [found] = decoded([Row(1, PROMPT, expected=(unwanted,))], options).values()
    assert found.ids == (FIRST, 4, 5, FIRST + 9)


def test_a_term_is_left_unfinished_by_a_timestamp_as_well():
    """That kept what its beginning was worth, so beams that broke off there were preferred."""
    special = VOCABULARY.special
    text = np.full((1, 1, END), -5.0, np.float32)
    rest = np.full((1, 1, 40), -9.0, np.float32)
    rest[0, 0, FIRST + 9 - END] = 50.0
    tops = np.arange(6)[None, None]
    log_sum = np.array([[math.log(END) - 5.0]], np.float32)
    answers = StepOutput(text, rest, text[:, :, :6], tops, log_sum, None)
    allowed = Allowed(np.array([0]), np.array([20]), np.array([True]), np.array([True]))
    moves = Moves(np.array([5]), np.array([1.5], np.float32), -1.5)
    found = candidates(answers, allowed, 2, special, [moves])
    assert found.bonuses is not None
    assert (found.ids[0, 0], found.bonuses[0, 0]) == (FIRST + 9, -1.5)


@pytest.mark.parametrize("options", [GREEDY, BEAM], ids=["greedy", "beam"])
def test_what_is_far_less_probable_is_not_found(options):
    weak = ExpectedTokens((4, 5), 0.4)
    assert decoded([Row(1, PROMPT, expected=(weak,))], options)[1].ids[1] == 3


def test_a_beam_takes_nothing_for_an_unfinished_term():
    begun = ExpectedTokens((4, 17), 1.5)
    [found] = decoded([Row(1, PROMPT, expected=(begun,))], BEAM).values()
    assert found.ids == (FIRST, 3, 5, FIRST + 9)


@pytest.mark.parametrize("options", [GREEDY, BEAM], ids=["greedy", "beam"])
def test_what_may_not_be_said_is_not_said_and_changes_nothing(options):
    term = ExpectedTokens((12, 13), 9.0)
    without = replace(options, suppress=(12,))
    rows = [Row(n, PROMPT) for n in range(3, 9)]
    expecting = [row._replace(expected=(term,)) for row in rows]
    assert decoded(expecting, without) == decoded(rows, without)
    assert decoded(expecting, options) != decoded(rows, options)


def test_rules_of_timestamps_come_first():
    """Text cannot follow where a timestamp must."""
    term = ExpectedTokens((7,), 3.0)
    found = decoded([Row(n, PROMPT, expected=(term,)) for n in range(20)], BEAM)
    assert all(each.ids[0] >= FIRST for each in found.values())
    assert np.isfinite([each.avg_logprob for each in found.values()]).all()

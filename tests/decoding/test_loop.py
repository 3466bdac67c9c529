"""Searches over a table: the best text is found, alone or in company, and rules are kept."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from auricle.decoding import loop, padding
from auricle.decoding.job import FinalText, Options, PartialText, Row
from auricle.decoding.network import NetworkFailed
from auricle.whisper.dimensions import MAX_INITIAL_TIMESTAMP
from tests.decoding.scripted import (
    END,
    FIRST,
    N_TEXT,
    NO_SPEECH,
    NO_TIMESTAMPS,
    START,
    VOCABULARY,
    ScriptedNetwork,
)

PROMPT = (START,)
GREEDY = Options(beam_size=1, temperature=0.0, max_tokens=24, patience=1.0, suppress=())
BEAM = Options(beam_size=5, temperature=0.0, max_tokens=24, patience=1.0, suppress=())
CHANCE = Options(beam_size=1, temperature=1.0, max_tokens=24, patience=1.0, suppress=())


def decoded(network, rows, options, **given):
    said = loop.decode(network, VOCABULARY, rows, options, **given)
    return {found.window: found for found in said if isinstance(found, FinalText)}


@pytest.mark.parametrize("options", [GREEDY, BEAM, CHANCE], ids=["greedy", "beam", "chance"])
def test_a_window_says_the_same_alone_and_in_company(options):
    rows = [Row(n, PROMPT, seed=n) for n in range(6)]
    together = decoded(ScriptedNetwork(), rows, options)
    alone: dict[int, FinalText] = {}
    for row in rows:
        alone |= decoded(ScriptedNetwork(), [row], options)
    assert together == alone
    assert len({found.ids for found in together.values()}) == len(rows)


class OrderedNetwork(ScriptedNetwork):
    """Notes which windows lie where after some have left."""

    def __init__(self, **given):
        super().__init__(**given)
        self.orders: list[list[int]] = []

    def keep(self, places):
        super().keep(places)
        self.orders.append(list(self._windows))


def test_the_last_windows_fill_the_places_of_those_that_leave():
    """Whoever moves has its keys and values copied."""
    early = {(n, ()): {FIRST: 50.0} for n in range(5)} | {(0, (FIRST,)): {END: 50.0}}
    network = OrderedNetwork(scripts=early)
    found = decoded(network, [Row(n, PROMPT) for n in range(5)], GREEDY)
    assert network.orders[0] == [4, 1, 2, 3]
    assert found[0].ids == (FIRST,)
    for n in range(1, 5):
        alone = decoded(ScriptedNetwork(scripts=early), [Row(n, PROMPT)], GREEDY)
        assert found[n] == alone[n]


@pytest.mark.parametrize("options", [GREEDY, BEAM, CHANCE], ids=["greedy", "beam", "chance"])
def test_texts_keep_whispers_rules_of_timestamps(options):
    rows = [Row(n, PROMPT, seed=n) for n in range(20)]
    for found in decoded(ScriptedNetwork(), rows, options).values():
        ids = found.ids
        assert FIRST <= ids[0] <= FIRST + MAX_INITIAL_TIMESTAMP
        stamps = [i for i in ids if i >= FIRST]
        assert stamps == sorted(stamps)
        assert all(i < N_TEXT or i >= FIRST for i in ids)
        for before, after in pairwise(ids[1:]):
            if before < FIRST <= after:  # it closes a piece
                pair = ids[ids.index(after) + 1 :][:1]
                assert not pair or pair[0] >= FIRST


@pytest.mark.parametrize("options", [GREEDY, BEAM, CHANCE], ids=["greedy", "beam", "chance"])
def test_a_prompt_without_timestamps_is_followed_by_text_alone(options):
    """Beside one that has them."""
    rows = [Row(1, (7, START, NO_TIMESTAMPS)), Row(2, (7, START, 4))]
    found = decoded(ScriptedNetwork(), rows, options)
    assert found[1].ids
    assert all(i < END for i in found[1].ids)
    assert found[2].ids[0] >= FIRST


def test_greedy_takes_the_most_probable_and_counts_end_of_text():
    scripts = {
        (1, ()): {FIRST: 50},
        (1, (FIRST,)): {3: 50},
        (1, (FIRST, 3)): {FIRST + 9: 50},
        (1, (FIRST, 3, FIRST + 9)): {END: 50, FIRST + 9: 50 - math.log(3)},
    }
    [found] = decoded(ScriptedNetwork(scripts), [Row(1, PROMPT)], GREEDY).values()
    assert found.ids == (FIRST, 3, FIRST + 9)
    assert found.logprobs == pytest.approx((0, 0, 0), abs=1e-4)
    assert found.avg_logprob == pytest.approx(math.log(3 / 4) / 4, abs=1e-4)


def test_a_beam_finds_what_greedy_passes_by():
    """The likeliest first word leads to a text that is less probable as a whole."""
    scripts: dict[tuple[int, tuple[int, ...]], dict[int, float]] = {
        (1, ()): {FIRST: 50},
        (1, (FIRST,)): {3: 50, 4: 49.5},
        (1, (FIRST, 3)): {FIRST + 9: 50, 5: 50, 6: 50, 7: 50},
        (1, (FIRST, 4)): {FIRST + 9: 60},
        **{
            (1, (FIRST, token, FIRST + 9)): {END: 60, FIRST + 9: 0, FIRST + 10: 0}
            for token in (3, 4)
        },
    }
    network = ScriptedNetwork(scripts)
    assert decoded(network, [Row(1, PROMPT)], GREEDY)[1].ids[1] == 3
    found = decoded(network, [Row(1, PROMPT)], BEAM)[1]
    assert found.ids == (FIRST, 4, FIRST + 9)
    chance = 1 / (1 + math.exp(0.5))
    assert found.avg_logprob == pytest.approx(math.log(chance) / 4, abs=1e-3)


def test_a_beam_is_the_search_of_the_reference():
    for window in range(8):
        network = ScriptedNetwork(ends_after=4)
        found = decoded(network, [Row(window, PROMPT)], BEAM)[window]
        assert found.ids == _reference(ScriptedNetwork(ends_after=4), window, 5, 24)


def test_the_next_best_texts_are_told_where_they_are_wanted():
    [plain] = decoded(ScriptedNetwork(), [Row(1, PROMPT)], BEAM).values()
    [more] = decoded(ScriptedNetwork(), [Row(1, PROMPT)], replace(BEAM, n_best=3)).values()
    assert plain.others == ()
    assert more._replace(others=()) == plain
    means = [more.avg_logprob, *(other.avg_logprob for other in more.others)]
    assert len({more.ids, *(other.ids for other in more.others)}) == 3
    for other in more.others:
        total = 0.0
        for n, token in enumerate((*other.ids, END)):
            total += _allowed_logprobs(ScriptedNetwork(), 1, other.ids[:n])[token]
        assert other.avg_logprob == pytest.approx(total / (len(other.ids) + 1), abs=1e-4)
    assert means[1:] == sorted(means[1:], reverse=True)


def test_timestamps_are_taken_when_together_they_are_likelier_than_any_text():
    scripts = {
        (1, ()): {FIRST: 50},
        (1, (FIRST,)): {3: 50},
        (1, (FIRST, 3)): {4: 50, **{FIRST + n: 49 for n in range(6, 10)}, FIRST + 5: 49.1},
    }
    [found] = decoded(ScriptedNetwork(scripts), [Row(1, PROMPT)], GREEDY).values()
    assert found.ids[:3] == (FIRST, 3, FIRST + 5)


BLANK = Options(1, 0.0, 2, 1.0, suppress=(5,), suppress_first=(3, END))


def test_suppressed_tokens_are_not_said_and_count_for_nothing():
    scripts = {(1, ()): {FIRST: 50}, (1, (FIRST,)): {3: 50, 4: 50 - math.log(3), 5: 50}}
    options = Options(1, 0.0, 2, 1.0, suppress=(3, 5, 900))
    [found] = decoded(ScriptedNetwork(scripts), [Row(1, PROMPT)], options).values()
    assert found.ids == (FIRST, 4)
    assert found.logprobs[1] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("draft", [(), (4, 3, 3)])
def test_what_no_text_begins_with_is_said_later_only(draft):
    """As openai-whisper has it in ``SuppressBlank``."""
    scripts = {(1, (NO_TIMESTAMPS,)): {3: 51, 4: 50, 5: 52}, (1, (NO_TIMESTAMPS, 4)): {3: 50}}
    row = Row(1, (START, NO_TIMESTAMPS), draft=draft)
    [found] = decoded(ScriptedNetwork(scripts), [row], BLANK).values()
    assert found.ids == (4, 3)
    assert found.logprobs[0] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("draft", [(), (3, 4, 3)])
def test_behind_a_prefix_it_may_come_whoever_is_beside_it(draft):
    """In Armenian, Bengali and Telugu words begin with a space alone, and lost it there."""
    scripts = {
        (n, (NO_TIMESTAMPS, *prefix)): {3: 51, 4: 50, 5: 52}
        for n, prefix in ((1, ()), (2, (6,)), (3, (6, 7)))
    }
    rows = [
        Row(1, (START, NO_TIMESTAMPS)),
        Row(2, (START, NO_TIMESTAMPS), (6,), draft=draft),
        Row(3, (START, NO_TIMESTAMPS), (6, 7)),
    ]
    options = replace(BLANK, max_tokens=1)
    network = ScriptedNetwork(scripts)
    together = decoded(network, rows, options)
    assert [together[n].ids for n in (1, 2, 3)] == [(4,), (6, 3), (6, 7, 3)]
    assert network.batches == [3]
    for row in rows:
        assert decoded(ScriptedNetwork(scripts), [row], options)[row.window] == together[row.window]


def test_no_speech_is_heard_where_the_transcript_starts():
    scripts = {(1, ()): {NO_SPEECH: 50, 3: 50 + math.log(3)}}
    options = Options(1, 0.0, 5, 1.0, suppress=(3,))
    row = Row(1, (7, 8, START, 4, 5), (FIRST, 6))
    [found] = decoded(ScriptedNetwork(scripts), [row], options).values()
    assert found.no_speech_prob == pytest.approx(0.25, abs=1e-4)


def test_prompt_and_prefix_take_one_step():
    row = Row(1, (7, 8, START), (FIRST, 6, 9))
    network = ScriptedNetwork()
    [found] = decoded(network, [row], GREEDY).values()
    assert found.ids[:3] == row.prefix
    assert network.n_steps == len(found.ids) - len(row.prefix) + 1


MIXED = [
    Row(0, PROMPT),
    Row(1, (7, 8, START), (FIRST, 6, 9)),
    Row(2, (*range(1, 16), START), (FIRST, 3), seed=3),
    Row(3, (5, START), (FIRST, *range(9), 4), seed=1),
    Row(4, PROMPT, seed=2, is_streamed=True),
    Row(5, (*range(10), START), (FIRST, *range(12))),
]
"""Of one to 24 tokens."""


@pytest.mark.parametrize("options", [GREEDY, BEAM, CHANCE], ids=["greedy", "beam", "chance"])
def test_prompts_and_prefixes_of_other_lengths_run_together(options):
    network = ScriptedNetwork()
    together = decoded(network, MIXED, options)
    alone: dict[int, FinalText] = {}
    for row in MIXED:
        alone |= decoded(ScriptedNetwork(), [row], options)
    assert together == alone
    assert network.batches[0] == len(MIXED)
    wanted = {0, 2, 5}
    left = decoded(ScriptedNetwork(), MIXED, options, is_wanted=wanted.__contains__)
    assert left == {n: alone[n] for n in wanted}


def test_drafts_behind_prefixes_of_other_lengths_change_nothing():
    plain = decoded(ScriptedNetwork(), MIXED[:3], GREEDY)
    rows = [
        row._replace(draft=drafts_of(plain[row.window], len(row.prefix))[row.window])
        for row in MIXED[:3]
    ]
    network = ScriptedNetwork()
    assert decoded(network, rows, GREEDY) == plain
    assert network.batches[0] == 3


def test_tokens_of_a_text_stand_in_the_same_strand_whoever_is_beside_it():
    """Real networks add up in strands: else the last bits would depend on company."""
    strands: list[set[int]] = []

    class Measured(ScriptedNetwork):
        def step(self, step):
            if step.n_before:
                strands[-1].add((step.n_before - self.n_steps) % padding.SUM_LANES)
            return super().step(step)

    for rows in (MIXED[:1], MIXED[1:2], MIXED[2:3], MIXED):
        strands.append(set())
        decoded(Measured(), rows, GREEDY)
    assert strands == [{padding.MIN_FED_TOKENS - 1}] * 4


def test_a_row_is_not_filled_up_for_the_sake_of_a_much_longer_one():
    """It would take longer than another search."""
    long = [Row(n, (*[7] * 150, START)) for n in (8, 9)]
    network = ScriptedNetwork()
    together = decoded(network, [*long, *MIXED], GREEDY)
    assert max(network.batches) == len(MIXED)
    assert 2 in network.batches
    for row in long:
        assert together[row.window] == decoded(ScriptedNetwork(), [row], GREEDY)[row.window]


def test_a_text_that_does_not_end_is_cut():
    network = ScriptedNetwork(ends_after=1000)
    quiet = {(1, ()): {FIRST: 50}}
    for options in (GREEDY, BEAM):
        [found] = decoded(ScriptedNetwork(quiet, 1000), [Row(1, PROMPT)], options).values()
        assert len(found.ids) <= 24
    long = Options(1, 0.0, 500, 1.0, suppress=(END,))
    [found] = decoded(network, [Row(1, (7,) * 430 + (START,))], long).values()
    assert len(found.ids) <= 448 - 431


def test_a_window_leaves_as_soon_as_its_text_is_found():
    """A batch used to take as long as its longest text."""
    short = {(1, ()): {FIRST: 50}, (1, (FIRST,)): {END: 50}}
    network = ScriptedNetwork(short)
    said = loop.decode(network, VOCABULARY, [Row(n, PROMPT) for n in range(3)], GREEDY)
    found = (each for each in said if isinstance(each, FinalText))
    assert next(found).window == 1
    assert network.batches == [3, 3]
    assert {each.window for each in found} == {0, 2}
    assert network.batches[2] == 2


def test_a_window_that_nobody_wants_any_more_leaves_at_the_next_step():
    network = ScriptedNetwork()
    wanted = {0, 1, 2}

    def is_wanted(window):
        if network.n_steps == 3:
            wanted.discard(1)
        return window in wanted

    rows = [Row(n, PROMPT) for n in range(3)]
    found = decoded(network, rows, GREEDY, is_wanted=is_wanted)
    assert set(found) == {0, 2}
    assert network.batches[:4] == [3, 3, 3, 2]
    assert found == decoded(ScriptedNetwork(), [rows[0], rows[2]], GREEDY)
    assert decoded(ScriptedNetwork(), rows, GREEDY, is_wanted=lambda window: False) == {}


@pytest.mark.parametrize("options", [GREEDY, BEAM, CHANCE], ids=["greedy", "beam", "chance"])
def test_a_text_that_is_told_is_the_same_and_begins_with_what_was_told(options):
    rows = [Row(n, PROMPT, seed=n, is_streamed=n % 2 == 0) for n in range(12)]
    said = list(loop.decode(ScriptedNetwork(), VOCABULARY, rows, options))
    found = {each.window: each for each in said if isinstance(each, FinalText)}
    silent = [row._replace(is_streamed=False) for row in rows]
    assert found == decoded(ScriptedNetwork(), silent, options)
    told = [each for each in said if isinstance(each, PartialText)]
    assert {each.window for each in told} <= {0, 2, 4, 6, 8, 10}
    assert told
    for each in told:
        assert each.ids[-1] < END  # the last is one of text
        text = _text(each.ids)
        assert _text(found[each.window].ids)[: len(text)] == text
        assert each.no_speech_prob == found[each.window].no_speech_prob


def test_greedily_every_token_of_text_is_told_at_once():
    said = list(loop.decode(ScriptedNetwork(), VOCABULARY, [Row(1, PROMPT, (), 0, True)], GREEDY))
    [found] = [each for each in said if isinstance(each, FinalText)]
    told = [each for each in said if isinstance(each, PartialText)]
    places = [n + 1 for n, token in enumerate(found.ids) if token < END]
    assert [each.ids for each in told] == [found.ids[:n] for n in places]
    for each, n in zip(told, places, strict=True):
        assert each.avg_logprob == pytest.approx(sum(found.logprobs[:n]) / n)
        assert each.logprobs == found.logprobs[:n]


@pytest.mark.parametrize("max_tokens", [5, 24], ids=["cut", "whole"])
@pytest.mark.parametrize("options", [GREEDY, BEAM, CHANCE], ids=["greedy", "beam", "chance"])
def test_each_token_has_its_log_probability_among_those_allowed(options, max_tokens):
    """Of what is told early and of other texts, too, but what was given is certain."""
    rows = [Row(0, PROMPT, is_streamed=True), Row(1, PROMPT, (FIRST, 3, 7)), Row(2, PROMPT)]
    options = replace(options, n_best=min(3, options.beam_size), max_tokens=max_tokens)
    for said in loop.decode(ScriptedNetwork(), VOCABULARY, rows, options):
        if said is None:
            continue
        for each in (said, *(said.others if isinstance(said, FinalText) else ())):
            expected = [
                _allowed_logprobs(ScriptedNetwork(), said.window, each.ids[:n])[token]
                for n, token in enumerate(each.ids)
            ]
            n_given = len(rows[said.window].prefix)
            assert each.logprobs[:n_given] == (0.0,) * n_given
            assert each.logprobs[n_given:] == pytest.approx(expected[n_given:], abs=1e-4)


def test_each_step_is_told():
    """A watchdog wants to know."""
    network = ScriptedNetwork()
    said = list(loop.decode(network, VOCABULARY, [Row(1, PROMPT), Row(2, PROMPT)], BEAM))
    assert said.count(None) == network.n_steps - 1  # the last ends it


def drafts_of(found: FinalText, n_given: int = 0) -> list[tuple[int, ...]]:
    """Right, nearly right, wrong and too long."""
    ids = found.ids[n_given:]
    other = 3 if ids[1] != 3 else 4
    return [(), ids, ids[:-3], (ids[0], other, *ids[2:]), (other, *ids), (*ids, 1, 2, 3)]


def test_a_text_does_not_depend_on_its_draft():
    row = Row(1, (7, START), (FIRST, 6))
    network = ScriptedNetwork()
    [found] = decoded(network, [row], GREEDY).values()
    n_steps = network.n_steps
    for draft, n_less in zip(
        drafts_of(found, 2), (0, n_steps - 1, n_steps - 4, 1, 0, n_steps - 1), strict=True
    ):
        network = ScriptedNetwork()
        assert decoded(network, [row._replace(draft=draft)], GREEDY) == {1: found}
        assert network.n_steps == n_steps - n_less


@pytest.mark.parametrize("options", [GREEDY, BEAM, CHANCE], ids=["greedy", "beam", "chance"])
def test_drafts_of_other_lengths_are_followed_in_company(options):
    """Searches with beams, and chance, take no heed of them."""
    plain = [Row(n, PROMPT, seed=n) for n in range(6)]
    found = decoded(ScriptedNetwork(), plain, options)
    rows = [
        row._replace(draft=drafts_of(found[row.window])[row.window], is_streamed=True)
        for row in plain
    ]
    assert decoded(ScriptedNetwork(), rows, options) == found
    wanted = {0, 2, 3, 5}
    left = decoded(ScriptedNetwork(), rows, options, is_wanted=wanted.__contains__)
    assert left == {n: found[n] for n in wanted}


def test_many_drafts_are_not_looked_at_to_their_ends():
    """Each of their tokens has logits of the whole vocabulary."""
    widths: list[int] = []

    class Measured(ScriptedNetwork):
        def step(self, step):
            widths.append(step.at.shape[1])
            return super().step(step)

    plain = [Row(n, PROMPT) for n in range(16)]
    found = decoded(ScriptedNetwork(), plain, GREEDY)
    rows = [row._replace(draft=found[row.window].ids) for row in plain]
    assert max(len(row.draft) for row in rows) > loop.MAX_DRAFTED // 16
    assert decoded(Measured(), rows, GREEDY) == found
    assert widths[0] == 2 + loop.MAX_DRAFTED // 16


@pytest.mark.parametrize("breaks_at", [1, 2, 5])
def test_no_text_is_made_of_what_is_no_number(breaks_at):
    network = ScriptedNetwork(breaks_at=breaks_at)
    for options in (GREEDY, BEAM, CHANCE):
        network.n_steps = 0
        with pytest.raises(NetworkFailed, match="not numbers"):
            decoded(network, [Row(0, PROMPT), Row(1, PROMPT)], options)


def test_chance_depends_on_seed_and_temperature_alone():
    def said(**given):
        options = Options(1, given.pop("temperature", 1.0), 24, 1.0, ())
        return decoded(ScriptedNetwork(), [Row(1, PROMPT, **given)], options)[1].ids

    assert said(seed=1) == said(seed=1)
    assert len({said(seed=1), said(seed=2), said(seed=1, temperature=0.5)}) == 3


def test_chance_draws_as_often_as_probable():
    scripts = {(1, ()): {FIRST: 90}, (1, (FIRST,)): {3: 50, 4: 50 - math.log(3)}}
    options = Options(1, 1.0, 2, 1.0, ())
    drawn = [
        decoded(ScriptedNetwork(scripts), [Row(1, PROMPT, seed=n)], options)[1].ids[1]
        for n in range(400)
    ]
    assert set(drawn) == {3, 4}
    assert drawn.count(3) / len(drawn) == pytest.approx(0.75, abs=0.06)


def _text(ids):
    return tuple(i for i in ids if i < FIRST)


def _reference(network, window, beam_size, max_tokens):
    """openai-whisper's beam search and ranking, over a softmax of all allowed tokens at once."""
    beams: dict[tuple[int, ...], float] = {(): 0.0}
    ended: dict[tuple[int, ...], float] = {}
    while len(ended) < beam_size and len(next(iter(beams))) < max_tokens:
        scores = {}
        for said, total in beams.items():
            logprobs = _allowed_logprobs(network, window, said)
            for token in np.argsort(-logprobs)[: beam_size + 1].tolist():
                scores[(*said, token)] = total + logprobs[token]
        order = sorted(scores, key=scores.__getitem__, reverse=True)
        going = [said for said in order if said[-1] != END][:beam_size]
        until = order.index(going[-1])
        new = {said[:-1]: scores[said] for said in order[:until] if said[-1] == END}
        ended |= dict(list(new.items())[: beam_size - len(ended)])
        beams = {said: scores[said] for said in going}
    ended |= dict(list(beams.items())[: beam_size - len(ended)])
    return max(ended, key=lambda said: ended[said] / max(1, len(said)))


def _allowed_logprobs(network, window, said):
    logits = network._logits(window, (*PROMPT, *said)).astype(np.float64)
    logits[END + 1 : FIRST] = -np.inf
    if not said:
        logits[:FIRST] = -np.inf
        logits[FIRST + MAX_INITIAL_TIMESTAMP + 1 :] = -np.inf
    elif said[-1] >= FIRST and (len(said) < 2 or said[-2] >= FIRST):
        logits[FIRST:] = -np.inf
    elif said[-1] >= FIRST:
        logits[:END] = -np.inf
    stamps = [i for i in said if i >= FIRST]
    if stamps:
        closes = said[-1] >= FIRST and len(said) >= 2 and said[-2] < FIRST
        logits[FIRST : stamps[-1] + (not closes)] = -np.inf
    logits -= np.log(np.exp(logits).sum())
    if np.exp(logits[FIRST:]).sum() > np.exp(logits[:FIRST].max()):
        logits[:FIRST] = -np.inf
        logits -= np.log(np.exp(logits).sum())
    return logits


# Loops


Script = dict[tuple[int, tuple[int, ...]], dict[int, float]]


def looping(window: int, phrase: tuple[int, ...]) -> Script:
    """A table by which the window's only text is a phrase over and over."""
    ids: tuple[int, ...] = (FIRST,)
    script: Script = {(window, ()): {FIRST: 50.0}}
    for n in range(200):
        script[window, ids] = {phrase[n % len(phrase)]: 50.0}
        ids = (*ids, phrase[n % len(phrase)])
    return script


@pytest.mark.parametrize("options", [GREEDY, BEAM], ids=["greedy", "beam"])
def test_a_text_that_says_the_same_over_and_over_is_left(options):
    options = replace(options, max_tokens=200, patience=100.0)
    rows = [Row(1, PROMPT), Row(2, PROMPT)]
    script = looping(1, (3, 4, 5))

    def all_of(options: Options) -> dict[int, FinalText]:
        found: dict[int, FinalText] = decoded(
            ScriptedNetwork(script, ends_after=300), rows, options
        )
        return found

    whole, left = all_of(options), all_of(replace(options, stops_on_loops=True))
    assert len(whole[1].ids) > 190
    assert not whole[1].is_loop
    assert left[1].is_loop
    assert len(left[1].ids) <= 48
    assert left[1].ids == whole[1].ids[: len(left[1].ids)]
    assert left[2] == whole[2]
    assert not left[2].is_loop


def test_a_search_that_says_a_phrase_again_and_again_is_ended_behind_the_first_time():
    phrase = (1, 2, 3, 4)
    said = (7, *phrase * 5)
    prompt = (START, NO_TIMESTAMPS)
    scripts = {(0, (NO_TIMESTAMPS, *said[:n])): {said[n]: 40.0} for n in range(len(said))}
    for options in (GREEDY, BEAM):
        network = ScriptedNetwork(scripts, ends_after=100)
        rows = [Row(0, prompt)]
        [found] = decoded(network, rows, replace(options, trims_loops=True)).values()
        assert found.ids == (7, *phrase)
        assert len(found.logprobs) == len(found.ids)
        assert network.n_steps == 1 + 3 * len(phrase)
        kept = [Row(0, prompt, (7, *phrase, 1))]  # a text always begins with its prefix
        network = ScriptedNetwork(scripts, ends_after=100)
        [found] = decoded(network, kept, replace(options, trims_loops=True)).values()
        assert found.ids == (7, *phrase, 1)
        [found] = decoded(ScriptedNetwork(scripts, 100), rows, options).values()
        assert found.ids[:13] == said[:13]

"""Decodes windows together, token by token; each leaves as soon as its text is found.

Knows nothing about the network beyond its protocol, nor about audio or text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.decoding import keyword_bias, padding, rules
from auricle.decoding.job import FinalText, Options, OtherText, PartialText, Row, Vocabulary
from auricle.decoding.keyword_bias import KeywordTree, Moves
from auricle.decoding.network import Floats, Network, Step, StepOutput
from auricle.decoding.rules import IMPOSSIBLE, Candidates
from auricle.decoding.search import Beam, Search
from auricle.whisper.dimensions import MAX_POSITIONS

MAX_DRAFTED = 128
"""Tokens of drafts that are looked at in one step, of all windows together: for each of them there
are logits of the whole vocabulary, 200 kB, several times over."""

Wanted = Callable[[int], bool]
"""Whether a window's text is still wanted."""


def decode(
    network: Network,
    vocabulary: Vocabulary,
    rows: Sequence[Row],
    options: Options,
    is_wanted: Wanted = lambda window: True,
) -> Iterator[PartialText | FinalText | None]:
    """The texts of all windows that are wanted until then, as they are found, and of those to be
    streamed as they grow; None after each step. Windows run together unless one is fed much more
    than another.

    Raises:
        NetworkFailed: the network answered nonsense; texts already found are right.
    """
    if options.beam_size > 1 or options.temperature > 0:
        rows = [row._replace(draft=()) for row in rows]
    for group in padding.groups(rows, vocabulary):
        yield from _Batch(network, vocabulary, options, is_wanted).run(group)


@dataclass(frozen=True, slots=True)
class _Window:
    """One that is searched."""

    row: Row
    no_speech_prob: float
    search: Search
    rng: np.random.Generator
    """What chance is drawn from."""
    gap: list[int]
    """From and until which of the tokens that were fed are not part of its text: a draft where it
    was wrong, and what it was filled up with."""
    tree: KeywordTree | None
    """What is expected to come up in its text."""


@dataclass(slots=True)
class _Batch:
    """Windows that are decoded together."""

    network: Network
    vocabulary: Vocabulary
    options: Options
    is_wanted: Wanted
    windows: list[_Window] = field(default_factory=list)
    """Those that are still searched."""

    def run(self, rows: Sequence[Row]) -> Iterator[PartialText | FinalText | None]:
        most = MAX_DRAFTED // len(rows)
        rows = [row._replace(draft=row.draft[:most]) for row in rows if self.is_wanted(row.window)]
        if not rows:
            return
        self.network.begin([row.window for row in rows])
        prompts = padding.together(rows, self.vocabulary)
        n_before = prompts.ids.shape[1]
        answers = self._first(rows, prompts)
        suppress = _suppressed(self.options.suppress, self.vocabulary)
        is_drafted = any(row.draft for row in rows)
        parents = self._follow(answers) if is_drafted else self._choose(answers)
        while True:
            yield from self._leave(parents)
            if not self.windows:
                return
            yield from self._partial_texts()
            yield None
            ids = [[beam.ids[-1]] for window in self.windows for beam in window.search.beams]
            flat = np.array([parent for each in parents for parent in each], np.int32)
            at = np.zeros((len(ids), 1), np.int64)
            step = Step(np.array(ids, np.int64), n_before, flat, at, suppress, self._gaps())
            parents = self._choose(self.network.step(step))
            n_before += 1

    def _first(self, rows: Sequence[Row], prompts: padding.PaddedPrompts) -> StepOutput:
        """Feed what the rows begin with, and begin to search. Where some rows begin their text and
        others have a prefix, both are asked about at two places, of which each needs one."""
        begins = [n for n, row in enumerate(rows) if not row.prefix]
        never, not_first = self.options.suppress, self.options.suppress_first
        suppress = _suppressed(never, self.vocabulary)
        first = _suppressed((*never, *not_first), self.vocabulary)
        is_mixed = bool(not_first) and 0 < len(begins) < len(rows)
        at = prompts.at
        of_places = [np.zeros_like(suppress), *[suppress] * (at.shape[1] - 1)]
        if is_mixed:
            at, of_places = np.concatenate([at[:, 1:2], at], axis=1), [first, *of_places]
        elif begins:
            of_places[1] = first
        parents = np.arange(len(rows), dtype=np.int32)
        answers = self.network.step(Step(prompts.ids, 0, parents, at, np.concatenate(of_places)))
        if is_mixed:
            answers = _beginning(answers, begins)
        silence = _no_speech(answers, self.vocabulary)
        self.windows = [
            self._opened(row, no_speech_prob, prompts.ids.shape[1])
            for row, no_speech_prob in zip(rows, silence, strict=True)
        ]
        return answers

    def _opened(self, row: Row, no_speech_prob: float, n_fed: int) -> _Window:
        options = self.options
        beam_size = 1 if options.temperature > 0 else options.beam_size
        room = min(options.max_tokens, MAX_POSITIONS - len(row.prompt))
        search = Search(
            beam_size,
            n_wanted=max(1, round(beam_size * options.patience)),
            max_tokens=max(len(row.prefix) + 1, room),
            beams=[Beam(row.prefix, 0.0)],
            first_timestamp=self.vocabulary.special.first_timestamp,
            stops_on_loops=options.stops_on_loops,
            trims_loops=options.trims_loops,
        )
        thousandths = round(1000 * options.temperature)
        rng = np.random.default_rng((row.seed, thousandths))
        gap = [padding.n_given(row), n_fed]
        tree = keyword_bias.tree_of(row.expected) if row.expected else None
        return _Window(row, no_speech_prob, search, rng, gap, tree)

    def _follow(self, answers: StepOutput) -> list[list[int]]:
        """Advance every search along its draft, and one token beyond, as far as it is what would
        have been chosen; the rest is forgotten."""
        parents: list[list[int]] = []
        windows = self.windows
        for n, window in enumerate(windows):
            self.windows, draft = [window], (*window.row.draft, None)
            n_right = 0
            while True:
                goes_on = bool(self._choose(_of_row(answers, n, 1 + n_right))[0])
                if not goes_on or window.search.beams[0].ids[-1] != draft[n_right]:
                    break
                n_right += 1
            parents.append([n] if goes_on else [])
            window.gap[0] += n_right
        self.windows = windows
        return parents

    def _gaps(self) -> NDArray[np.int64] | None:
        gaps = [window.gap for window in self.windows for _ in window.search.beams]
        return np.array(gaps) if any(first < until for first, until in gaps) else None

    def _choose(self, answers: StepOutput) -> list[list[int]]:
        """Advance every search; the rows that each window's beams come from."""
        special = self.vocabulary.special
        texts = [beam.ids for window in self.windows for beam in window.search.beams]
        plain = [
            window.row.prompt[-1] == special.no_timestamps
            for window in self.windows
            for _ in window.search.beams
        ]
        found = self._candidates(answers, rules.allowed(texts, special, plain))
        parents: list[list[int]] = []
        first = 0
        for search in (window.search for window in self.windows):
            mine = slice(first, first + len(search.beams))
            own = found.of(mine)
            parents.append([first + i for i in search.advance(own, special.end_of_text)])
            first = mine.stop
        return parents

    def _candidates(self, answers: StepOutput, allowed: rules.Allowed) -> Candidates:
        special, options = self.vocabulary.special, self.options
        if options.temperature > 0:
            rngs = [window.rng for window in self.windows]
            return rules.sampled(answers, allowed, special, options.temperature, rngs)
        n = 1 if options.beam_size == 1 else options.beam_size + 1
        if any(window.tree is not None for window in self.windows):
            return keyword_bias.candidates(answers, allowed, n, special, self._moves())
        return rules.candidates(answers, allowed, n, special)

    def _moves(self) -> list[Moves | None]:
        """What expected terms make the next token of each beam worth."""
        return [
            None if window.tree is None else window.tree.moves(beam.ids)
            for window in self.windows
            for beam in window.search.beams
        ]

    def _leave(self, parents: list[list[int]]) -> Iterator[FinalText]:
        """The texts that are found. Their windows, and those that nobody wants, leave, and their
        places among the parents."""
        windows = self.windows
        stay = _closed_up(
            [
                place
                for place, window in enumerate(windows)
                if parents[place] and self.is_wanted(window.row.window)
            ]
        )
        n_best = self.options.n_best
        ended = (window for window, goes_on in zip(windows, parents, strict=True) if not goes_on)
        found = [_found(window, n_best) for window in ended]
        if len(stay) < len(windows):
            self.windows = [windows[place] for place in stay]
            parents[:] = [parents[place] for place in stay]
            if stay:
                self.network.keep(stay)
        yield from (each for each in found if self.is_wanted(each.window))

    def _partial_texts(self) -> Iterator[PartialText]:
        """What was decided in this step of the texts that are to be streamed."""
        for window in self.windows:
            search = window.search
            if window.row.is_streamed and (text := search.decide()) is not None:
                yield PartialText(
                    window.row.window,
                    text.ids,
                    text.mean,
                    window.no_speech_prob,
                    search.logprobs(text),
                )


def _closed_up(places: list[int]) -> list[int]:
    """The same places, in the order in which the fewest are others than before: the last ones fill
    the gaps. To move a window is to copy its keys and values."""
    behind = [place for place in places if place >= len(places)]
    kept = set(places)
    return [place if place in kept else behind.pop() for place in range(len(places))]


def _found(window: _Window, n_best: int) -> FinalText:
    search = window.search
    best, *others = search.best(n_best)
    return FinalText(
        window.row.window,
        best.ids,
        best.mean_to_end,
        window.no_speech_prob,
        search.logprobs(best),
        tuple(
            OtherText(each.ids, each.mean_to_end, search.logprobs(each), each.bonus_to_end)
            for each in others
        ),
        search.is_loop(best),
        best.bonus_to_end,
    )


def _beginning(answers: StepOutput, rows: Sequence[int]) -> StepOutput:
    """The answers but those at the first place, which stand for the third's in some rows."""
    told: tuple[NDArray[Any], ...] = answers[:-1]
    for each in told:
        each[rows, 2] = each[rows, 0]
    text, rest, values, ids, log_sum = (each[:, 1:] for each in told)
    return StepOutput(text, rest, values, ids, log_sum, answers.attention)


def _of_row(answers: StepOutput, row: int, place: int) -> StepOutput:
    """What may follow one token of one row."""
    here = slice(row, row + 1), slice(place, place + 1)
    return StepOutput(
        text=answers.text[here],
        rest=answers.rest[here],
        top_values=answers.top_values[here],
        top_ids=answers.top_ids[here],
        log_sum=answers.log_sum[here],
        attention=None,
    )


def _suppressed(ids: Sequence[int], vocabulary: Vocabulary) -> Floats:
    """What is added to the logits of text, ``(1, end_of_text)``."""
    added = np.zeros((1, vocabulary.special.end_of_text), np.float32)
    added[0, [i for i in ids if i < added.shape[1]]] = IMPOSSIBLE
    return added


def _no_speech(answers: StepOutput, vocabulary: Vocabulary) -> list[float]:
    """How probable it is that nobody speaks, of each row at the first place."""
    rest, text_sum = answers.rest[:, 0], answers.log_sum[:, 0]
    rules.check(rest, text_sum)
    total = np.logaddexp(text_sum, rules.log_sum(rest))
    logits = rest[:, vocabulary.no_speech - vocabulary.special.end_of_text]
    return [float(each) for each in np.exp(logits - total)]

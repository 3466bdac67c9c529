"""What the log of a live stream says: how soon words came, and how right they were.

Knows nothing about how the log came to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz.distance import Levenshtein

from auricle.live.effects import Effect, Final, TurnEnded, Update
from auricle_bench.accuracy import score, units


@dataclass(frozen=True, slots=True)
class Reference:
    """What is said in a stream: its text, and the units of it with the times they end at."""

    text: str
    language: str
    ends: Sequence[tuple[str, float]] = ()
    """Empty where nobody knows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The whole transcript at a time."""

    at_s: float
    committed: str
    everything: str


@dataclass(slots=True)
class Measures:
    """Figures of any number of streams; delays in seconds."""

    tentative_s: list[float] = field(default_factory=list)
    """From the end of a word to the first transcript that has it in its place."""
    commit_s: list[float] = field(default_factory=list)
    """From the end of a word to its commitment."""
    final_s: list[float] = field(default_factory=list)
    """From the end of a turn to its final text."""
    n_corrections: int = 0
    """Words of a transcript that were not in the next one."""
    n_retracted: int = 0
    """Final texts that are not what was committed."""
    n_units: int = 0
    n_errors: int = 0

    def add(self, log: Iterable[tuple[float, Effect]], reference: Reference) -> str:
        """Count a stream; its whole text."""
        shown, finals = self._follow(log)
        text = " ".join(finals)
        self.follow(shown, text, reference)
        return text

    def follow(self, shown: Iterable[Shown], text: str, reference: Reference) -> None:
        """Count a stream by the transcripts that were shown, and its whole text."""
        counted = score(reference.text, text, reference.language)
        self.n_units += counted.n_units
        self.n_errors += counted.n_errors
        said: list[tuple[float, list[str]]] = []
        sure: list[tuple[float, list[str]]] = []
        for each in shown:
            said.append((each.at_s, units(each.everything, reference.language)))
            sure.append((each.at_s, units(each.committed, reference.language)))
        befores = [[], *(words for _, words in said)]
        for before, (_, words) in zip(befores, said, strict=False):
            self.n_corrections += _corrections(before, words)
        if reference.ends and sure:
            right = _matched(reference, sure[-1][1])
            self.tentative_s += _delays(reference, right, said)
            self.commit_s += _delays(reference, right, sure)

    def _follow(self, log: Iterable[tuple[float, Effect]]) -> tuple[list[Shown], list[str]]:
        """The transcripts in turn, and the final text of each turn."""
        shown: list[Shown] = []
        finals: list[str] = []
        sure, turn, ended_s = "", "", {}
        for at_s, effect in log:
            if isinstance(effect, TurnEnded):
                ended_s[effect.turn] = at_s
            elif isinstance(effect, Update):
                turn += "".join(word.text for word in effect.committed)
                rest = "".join(word.text for word in effect.tentative)
                shown.append(Shown(at_s, sure + turn, sure + turn + rest))
            elif isinstance(effect, Final):
                self.final_s.append(at_s - ended_s[effect.turn])
                final = "".join(word.text for word in effect.words)
                finals.append(final.strip())
                self.n_retracted += final != turn
                sure, turn = f"{sure}{turn} ", ""
        return shown, finals


def _corrections(before: list[str], after: list[str]) -> int:
    """The words of a transcript that the next one has changed; words that follow are no change."""
    return min(Levenshtein.distance(before, after[:n]) for n in range(len(after) + 1))


def _delays(
    reference: Reference, right: set[int], shown: Sequence[tuple[float, list[str]]]
) -> list[float]:
    """For each unit of the reference that is right in the end: how long after it was spoken it was
    first shown in its place."""
    delays: list[float] = []
    seen: set[int] = set()
    for at_s, words in shown:
        for i in _matched(reference, words) & right - seen:
            seen.add(i)
            delays.append(at_s - reference.ends[i][1])
    return delays


def _matched(reference: Reference, hypothesis: list[str]) -> set[int]:
    """Which units are right in a transcript that ends somewhere within the reference."""
    said = [unit for unit, _ in reference.ends]
    end = min(range(len(said) + 1), key=lambda n: Levenshtein.distance(said[:n], hypothesis))
    return {
        i
        for op in Levenshtein.opcodes(said[:end], hypothesis)
        if op.tag == "equal"
        for i in range(op.src_start, op.src_end)
    }

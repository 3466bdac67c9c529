"""Several programs on the same clips: error rates by language, and clips where one is behind.

Knows nothing about how any of them was asked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auricle_bench.accuracy import differences
from auricle_bench.clips import Clip
from auricle_bench.evaluation import Difference, Score, compare, rows, score_of
from auricle_bench.measurements.figures import Table
from auricle_bench.measurements.peer_texts import Run

OURS = "Auricle"
LOST = 2
"""A clip is looked into when Auricle has at least so many more errors than a peer."""

FEW = 5
"""Fewer clips say nothing about chance."""

UNEXPLAINED = "not looked into"
EXPLAINED = Path(__file__).parent / "explained.toml"


@dataclass(frozen=True, slots=True)
class Compared:
    """One way of searching, and what each program made of every clip, in the same order."""

    run: Run
    scores: Mapping[str, Sequence[Score]]
    """By program; Auricle's first."""
    part: str = ""
    """Which of the clips these are, where a peer has not heard all."""

    @property
    def title(self) -> str:
        return self.run.title + self.part

    @property
    def peers(self) -> list[str]:
        return [program for program in self.scores if program != OURS]

    def errors(self, program: str) -> list[int]:
        return [score.errors.n_errors for score in self.scores[program]]

    def behind(self) -> list[int]:
        """Errors above the best peer, clip by clip."""
        columns = [self.errors(program) for program in self.peers]
        best = [min(each) for each in zip(*columns, strict=True)]
        return [n - least for n, least in zip(self.errors(OURS), best, strict=True)]


def compared(
    run: Run, clips: Sequence[Clip], texts: Mapping[str, Mapping[str, str]], part: str = ""
) -> Compared:
    """``texts`` by program and file name; each program has every clip."""
    scores = {
        program: [score_of(clip, heard[clip.path.name]) for clip in clips]
        for program, heard in texts.items()
    }
    return Compared(run, scores, part)


def table(each: Compared) -> Table:
    """A row for each language, most words first, with the difference to the better peer."""
    ours = each.scores[OURS]
    by_peer = [
        {found.group: found for found in compare(zip(each.scores[peer], ours, strict=True))}
        for peer in each.peers
    ]
    lines = []
    for row in rows(ours):
        found = [peer[row.group] for peer in by_peer]
        unit = " (characters)" if row.errors.unit == "characters" else ""
        lines.append(
            (
                row.group if row.group.startswith("all") else row.group + unit,
                str(row.n_clips),
                str(row.errors.n_units),
                f"{row.errors.rate:.1%}",
                *(f"{difference.first.rate:.1%}" for difference in found),
                _apart(min(found, key=lambda difference: difference.first.rate)),
            )
        )
    lines.sort(key=lambda line: (line[0].startswith("all"), -int(line[2])))
    header = ("language", "clips", "words", OURS, *each.peers, "points above the best (95 %)")
    return Table(f"**{each.title}:** error rate", header, lines)


def _apart(difference: Difference) -> str:
    points = f"{100 * difference.difference:+.1f}"
    if difference.n_clips < FEW:
        return points
    return f"{points} ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})"


def balance(each: Compared) -> str:
    """How often either side is clearly behind, as one remark."""
    parts = []
    for peer in each.peers:
        apart = [n - m for n, m in zip(each.errors(OURS), each.errors(peer), strict=True)]
        above, below = sum(n >= LOST for n in apart), sum(n <= -LOST for n in apart)
        parts.append(f"{LOST} or more errors above {peer} on {above} clips, below it on {below}")
    return f"{each.title}: {'; '.join(parts)}."


def losses(runs: Sequence[Compared], reasons: Mapping[str, str]) -> Table:
    """Clips of one model on which Auricle is behind a peer in any of ``runs``, with the reason."""
    worst: dict[str, int] = {}
    for each in runs:
        for score, behind in zip(each.scores[OURS], each.behind(), strict=True):
            if behind >= LOST:
                stem = Path(score.file).stem
                worst[stem] = max(behind, worst.get(stem, 0))
    errors = [
        {
            Path(score.file).stem: " / ".join(
                str(each.errors(program)[i]) for program in each.scores
            )
            for i, score in enumerate(each.scores[OURS])
        }
        for each in runs
    ]
    lines = [
        (stem, *(column.get(stem, "") for column in errors), reasons.get(stem, UNEXPLAINED))
        for stem in sorted(worst, key=lambda stem: (-worst[stem], stem))
    ]
    header = ("clip", *(_column(each) for each in runs), "why")
    model = runs[0].run.model
    return Table(f"**{model}, clips behind by {LOST} or more:** errors", header, lines)


def _column(each: Compared) -> str:
    return f"{each.run.title.split(', ')[1]}: {' / '.join(each.scores)}"


def reasons(path: Path = EXPLAINED) -> dict[str, dict[str, str]]:
    """Why clips were lost, by model and clip, as somebody wrote down who looked at the texts."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def data(each: Compared) -> dict[str, Any]:
    return {
        "model": each.run.model,
        "beams": each.run.beams,
        "part": each.part,
        "language": "detected" if each.run.detected else "given",
        "rates": {
            program: {row.group: row.errors for row in rows(scores)}
            for program, scores in each.scores.items()
        },
        "clips": [
            {
                "file": Path(score.file).name,
                "n_units": score.errors.n_units,
                **{program: each.errors(program)[i] for program in each.scores},
            }
            for i, score in enumerate(each.scores[OURS])
        ],
    }


def texts(each: Compared) -> list[str]:
    """Lines on what was said, and how each program differs from it; clips lost most come first."""
    lines = []
    behind = each.behind()
    for i in sorted(range(len(behind)), key=lambda i: -behind[i]):
        score = each.scores[OURS][i]
        lines += [f"{each.title}: {Path(score.file).name} ({behind[i]:+d})"]
        lines += [f"  reference  {score.reference}"]
        for program, scores in each.scores.items():
            wrong = differences(score.reference, scores[i].hypothesis, score.language)
            lines += [
                f"  {program}  {scores[i].hypothesis}",
                f"    {scores[i].errors.n_errors}: {wrong}",
            ]
    return lines

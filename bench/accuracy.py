"""Word error rate by language: Auricle beside faster-whisper on the same clips and weights.

Knows nothing about how either transcribes; both are asked over HTTP, in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auricle.bench.accuracy import by_language, score
from auricle.bench.clips import Clip
from auricle.bench.load import Limit, Outcome
from auricle.bench.session import Phase, Plan, measure
from auricle.bench.summary import Rate
from auricle.bench.target import Client, Target
from bench import server
from bench.figures import RESULTS, Figures, Table
from bench.setup import Fields, Setup, every

CONCURRENCY = 2
LOST = 2
"""A clip is listed when Auricle has at least so many more errors than the peer."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides on the same clips, in the same order."""

    model: str
    detected: bool
    ours: Sequence[Outcome]
    theirs: Sequence[Outcome]

    @property
    def title(self) -> str:
        return f"{self.model}, language {'detected' if self.detected else 'given'}"


def run(setup: Setup) -> Figures:
    found = every(setup.clips(), setup.n_clips)
    english = [clip for clip in found if clip.language == "en"]
    compared = [
        *_both_sides("base", found, setup.fields, (False,) if setup.quick else (False, True)),
        *_both_sides("tiny.en", english, setup.fields, (False,)),
    ]
    _keep_texts(compared)
    tables = [_rates(each) for each in compared]
    remarks = [remark for each in compared if (remark := _losses(each))]
    return Figures(tables, {"runs": [_data(each) for each in compared]}, remarks)


def _both_sides(
    model: str, clips: list[Clip], fields: Fields, detect: Sequence[bool]
) -> list[Compared]:
    sides: list[list[list[Outcome]]] = []
    for start, own in ((server.auricle, fields), (server.peer, ())):
        with start(model) as running:
            targets = [Target(running.url, fields=own, detect_language=each) for each in detect]
            sides.append([asyncio.run(_heard(target, clips)) for target in targets])
    return [
        Compared(model, each, ours, theirs)
        for each, ours, theirs in zip(detect, *sides, strict=True)
    ]


async def _heard(target: Target, clips: list[Clip]) -> list[Outcome]:
    """Every clip once; the outcomes in the order of the clips."""
    async with Client(target) as client:
        plan = Plan(Limit(len(clips)))
        result = await measure(client, clips, Phase(CONCURRENCY), plan)
    failed = [each for each in result.outcomes if not each.is_ok]
    if failed:
        raise SystemExit(f"{target.url}: {failed[0].clip.path.name}: {failed[0].complaint}")
    return sorted(result.outcomes, key=lambda each: clips.index(each.clip))


def _rates(compared: Compared) -> Table:
    ours, theirs = by_language(compared.ours), by_language(compared.theirs)
    rows = [
        (
            language + ("" if ours[language].unit == "words" else " (characters)"),
            str(sum(each.clip.language == language for each in compared.ours)),
            str(ours[language].n_units),
            *_pair(ours[language], theirs[language]),
        )
        for language in sorted(ours, key=lambda each: -ours[each].n_units)
    ]
    if len(rows) > 1:
        total = [_total(side) for side in (ours, theirs)]
        rows.append(("all in words", "", str(total[0].n_units), *_pair(*total)))
    header = ("language", "clips", "words", "Auricle", "faster-whisper")
    return Table(f"**{compared.title}:** error rate", header, rows)


def _total(side: Mapping[str, Rate]) -> Rate:
    in_words = [rate for rate in side.values() if rate.unit == "words"]
    return Rate("words", sum(r.n_units for r in in_words), sum(r.n_errors for r in in_words))


def _pair(ours: Rate, theirs: Rate) -> tuple[str, str]:
    return f"{ours.rate:.1%}", f"{theirs.rate:.1%}"


def _losses(compared: Compared) -> str:
    """Clips on which Auricle is clearly behind, the worst first, as one remark."""
    lost = [
        (n, clip.path.stem)
        for clip, ours, theirs in _errors(compared)
        if (n := ours.n_errors - theirs.n_errors) >= LOST
    ]
    won = sum(theirs.n_errors - ours.n_errors >= LOST for _, ours, theirs in _errors(compared))
    if not lost:
        return ""
    names = ", ".join(f"{name} (+{n})" for n, name in sorted(lost, reverse=True))
    return (
        f"{compared.title}: {LOST} or more errors above faster-whisper on {len(lost)} clips and "
        f"below it on {won}. Above: {names}."
    )


def _errors(compared: Compared) -> list[tuple[Clip, Rate, Rate]]:
    found = []
    for ours, theirs in zip(compared.ours, compared.theirs, strict=True):
        clip = ours.clip
        said, language = clip.text or "", clip.language or ""
        heard = [score(said, each.text or "", language) for each in (ours, theirs)]
        found.append((clip, heard[0], heard[1]))
    return found


def _data(compared: Compared) -> dict[str, Any]:
    return {
        "model": compared.model,
        "language": "detected" if compared.detected else "given",
        "auricle": by_language(compared.ours),
        "faster_whisper": by_language(compared.theirs),
        "clips": [
            {
                "file": clip.path.name,
                "n_units": ours.n_units,
                "auricle": ours.n_errors,
                "faster_whisper": theirs.n_errors,
            }
            for clip, ours, theirs in _errors(compared)
        ],
    }


def _keep_texts(compared: Sequence[Compared]) -> Path:
    """What was said and heard, for whoever looks into a difference; not kept with the project."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "accuracy-texts.tmp"
    lines = []
    for each in compared:
        for ours, theirs in zip(each.ours, each.theirs, strict=True):
            lines += [f"{each.title}: {ours.clip.path.name}", f"  said     {ours.clip.text}"]
            lines += [f"  auricle  {ours.text}", f"  peer     {theirs.text}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path

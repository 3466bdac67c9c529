"""An evaluation as text for people, and as JSON for programs.

Knows nothing about how anything was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from auricle_bench import evaluation, speaker_scores
from auricle_bench.accuracy import differences
from auricle_bench.clips import Clip
from auricle_bench.evaluation import Difference, Pair, Run, Score
from auricle_bench.speaker_errors import COLLAR_S
from auricle_bench.summary import Rate

_INDENT = "  "
_NO_LANGUAGE = (
    "? are clips of unknown language: --language CODE says which it is, and gives English its own "
    "normaliser"
)


def about(clips: Sequence[Clip]) -> str:
    """What there is to do."""
    minutes = sum(clip.duration_s for clip in clips) / 60
    return f"{_counted(len(clips))}, {minutes:.1f} min of audio"


def of_run(run: Run, n_worst: int) -> Iterator[str]:
    """One way of transcribing: error rates, speed, failures, and the worst clips."""
    unfinished = f" ({len(run.scores)} of {run.n_clips} clips)" * (len(run.scores) < run.n_clips)
    yield f"{run.name}{unfinished}"
    yield from _table(
        [("language", "clips", "words", "WER", "CER")]
        + [
            (
                row.group,
                str(row.n_clips),
                str(row.errors.n_units) if row.errors.unit == "words" else "–",
                _percent(row.errors) if row.errors.unit == "words" else "–",
                _percent(row.characters),
            )
            for row in evaluation.rows(run.scores)
        ]
    )
    yield from _speakers(run)
    if run.audio_s:
        yield (
            f"{_INDENT}{run.audio_s:.0f} s of audio in {run.wall_s:.1f} s: real-time factor "
            f"{run.real_time_factor:.3f}, {1 / max(run.real_time_factor, 1e-9):.1f} x real time"
        )
    if any(score.language == evaluation.UNKNOWN for score in run.scores):
        yield _INDENT + _NO_LANGUAGE
    yield from _failures(run)
    for score in evaluation.worst(run.scores, n_worst):
        yield from ("", _INDENT + _title(score))
        yield _INDENT * 2 + differences(score.reference, score.hypothesis, score.language)


def of_comparison(first: Run, second: Run, n_shown: int) -> Iterator[str]:
    """What changes from the first to the second, how sure that is, and where it changes most."""
    both = evaluation.pairs(first, second)
    if not both:
        yield "No clip was transcribed both ways, so there is nothing to compare."
        return
    found = evaluation.compare(both)
    yield f"A: {first.name}, B: {second.name}"
    yield from _table(
        [("language", "clips", "A", "B", "B - A", "95 % interval", "B better", "B worse", "same")]
        + [_difference_row(each) for each in found]
    )
    for each in found:
        if each.group == found[-1].group or each.group.startswith("all"):
            yield _INDENT + verdict(each)
    for heading, ordered in (
        ("B loses most", sorted(both, key=evaluation.change, reverse=True)),
        ("B wins most", sorted(both, key=evaluation.change)),
    ):
        sign = 1 if "loses" in heading else -1
        shown = [pair for pair in ordered if evaluation.change(pair) * sign > 0][:n_shown]
        if shown:
            yield from ("", heading)
        for pair in shown:
            yield from _both(pair)


def verdict(found: Difference) -> str:
    """A difference in a sentence."""
    if not found.is_certain:
        return f"{found.group}: these clips show no certain difference"
    points = abs(found.difference) * 100
    less = "fewer" if found.difference < 0 else "more"
    return f"{found.group}: B makes {less} errors, by {points:.2f} points"


def document(runs: Sequence[Run], settings: dict[str, object]) -> bytes:
    """Everything, as JSON."""
    compared = evaluation.compare(evaluation.pairs(*runs)) if len(runs) == 2 else []
    return msgspec.json.format(
        msgspec.json.encode(
            settings
            | {
                "runs": [
                    {
                        **msgspec.to_builtins(run),
                        "real_time_factor": run.real_time_factor,
                        "rows": evaluation.rows(run.scores),
                        "speakers": speaker_scores.row(
                            score.speakers for score in run.scores if score.speakers
                        ),
                    }
                    for run in runs
                ],
                "differences": compared,
            }
        )
    )


def _speakers(run: Run) -> Iterator[str]:
    """Who said what, where that was asked for and is known."""
    found = speaker_scores.row(score.speakers for score in run.scores if score.speakers)
    if found is None:
        return
    columns = (
        ("speakers", _counted(found.n_clips)),
        ("DER", _share(found.diarization_error_rate)),
        (f"collar {COLLAR_S:g} s", _share(found.collared)),
        ("missed", _share(found.missed)),
        ("false alarm", _share(found.false_alarm)),
        ("confused", _share(found.confused)),
        ("number right", f"{found.n_right} of {found.n_counted}"),
        ("words", str(found.n_words)),
        ("WDER", _share(found.word_diarization_error_rate)),
    )
    yield from _table([[head for head, _ in columns], [cell for _, cell in columns]])


def _counted(n_clips: int) -> str:
    return "1 clip" if n_clips == 1 else f"{n_clips} clips"


def _share(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.2%}"


def _failures(run: Run) -> Iterator[str]:
    if run.failures:
        file, why = next(iter(run.failures.items()))
        n = len(run.failures)
        failed = "1 clip failed and counts" if n == 1 else f"{n} clips failed and count"
        yield f"{_INDENT}{failed} for nothing; {file}: {why}"


def _title(score: Score) -> str:
    n = score.errors.n_errors
    errors = "1 error" if n == 1 else f"{n} errors"
    return (
        f"{score.file} ({score.language}): {errors} in {score.errors.n_units} {score.errors.unit}"
    )


def _both(pair: Pair) -> Iterator[str]:
    first, second = pair
    n_first, n_second = first.errors.n_errors, second.errors.n_errors
    yield f"{_INDENT}{first.file} ({first.language}): errors {n_first} → {n_second}"
    for name, score in (("A", first), ("B", second)):
        differ = differences(score.reference, score.hypothesis, score.language)
        yield f"{_INDENT * 2}{name}: {differ}"


def _difference_row(found: Difference) -> tuple[str, ...]:
    n_same = found.n_clips - found.n_better - found.n_worse
    return (
        found.group,
        str(found.n_clips),
        _percent(found.first),
        _percent(found.second),
        f"{found.difference * 100:+.2f}",
        f"{found.low * 100:+.2f} to {found.high * 100:+.2f}",
        str(found.n_better),
        str(found.n_worse),
        str(n_same),
    )


def _percent(rate: Rate) -> str:
    """A rate without units is not nothing: something was heard where nothing was said."""
    if not rate.n_units:
        return f"{rate.n_errors} of 0" if rate.n_errors else "–"
    return f"{rate.rate:.2%}"


def _table(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        yield _INDENT + "  ".join([first.ljust(widths[0]), *right])

"""``auricle evaluate``: which data set, transcribed by what, compared with what.

Knows nothing about how recordings are transcribed or scored.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auricle.cli.options import EVALUATED, config_from, flags_from, settings_from, settings_options
from auricle.errors import AuricleError
from auricle.telemetry import logs
from auricle_bench.commands.given import address_of, field_of, write

if TYPE_CHECKING:
    from auricle_bench.clips import Clip
    from auricle_bench.commands.systems import System
    from auricle_bench.evaluation import Run


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--against",
    metavar="NAME=VALUE,…|URL",
    help="transcribe again with other settings, or by another server, and compare: "
    "compute_type=float32, audio_context=full, http://other:50060",
)
@click.option("--url", help="evaluate the server at this address instead of this process")
@click.option("--api-key", help="key to send to servers")
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE", help="a form field of each request"
)
@click.option("--languages", metavar="CODE,…", help="only clips in these")
@click.option("--limit", type=click.IntRange(1), help="only so many clips, drawn at random")
@click.option("--seed", default=0, show_default=True, help="of what is drawn at random")
@click.option("--diarize", is_flag=True, help="ask for speakers, and say how wrong they are, too")
@click.option("--detect-language", is_flag=True, help="do not tell the language of the clips")
@click.option(
    "--concurrency", type=click.IntRange(1, 256), default=4, show_default=True, help="clips at once"
)
@click.option("--worst", type=click.IntRange(0), default=5, show_default=True, help="clips to show")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write everything here")
@settings_options(only=EVALUATED)
@click.pass_context
def evaluate(  # noqa: PLR0913  # click passes one argument per option
    context: click.Context,
    dataset: Path,
    against: str | None,
    url: str | None,
    api_key: str | None,
    fields: tuple[str, ...],
    languages: str | None,
    limit: int | None,
    seed: int,
    diarize: bool,
    detect_language: bool,
    concurrency: int,
    worst: int,
    json_file: Path | None,
) -> int:
    """Measure errors on recordings of known text. Compares two settings, models or servers, too.

    DATASET is a folder with refs.jsonl, metadata.csv, or a .txt beside each recording (and with
    --diarize perhaps a .rttm), or a table (.tsv, .csv, .jsonl) whose header names the recordings
    (path, file_name, …), their text (text, sentence, …) and perhaps their language.
    """
    settings = settings_from(context)
    logs.set_up(verbose=settings.verbose, quiet=not settings.verbose)
    from auricle_bench.commands import systems

    flags = flags_from(context)
    sent = tuple(map(field_of, fields))
    base: System
    if url is None:
        base = systems.local(settings, sent, detect_language=detect_language)
    else:
        base = systems.remote(address_of(url), flags, sent, detect_language=detect_language)
    if diarize:
        base = systems.diarizing(base)
    compared = [base]
    if against is not None:
        compared.append(systems.other(base, against, flags, config_from(context)))
    compared = systems.ready(compared, api_key)
    clips = _drawn(_clips(dataset, settings.language, languages, diarize=diarize), limit, seed)
    runs, interrupted = _evaluated(compared, clips, concurrency, worst)
    if json_file is not None:
        from auricle_bench.evaluation_report import document

        write(json_file, document(runs, {"dataset": str(dataset), "seed": seed}))
    if interrupted:
        raise click.Abort
    return 0 if all(run.scores for run in runs) else 1


def _evaluated(
    compared: Sequence[System], clips: list[Clip], concurrency: int, n_worst: int
) -> tuple[list[Run], bool]:
    """Transcribe with each system and print what came of it; also when interrupted."""
    import asyncio

    from auricle_bench import evaluation_report as report
    from auricle_bench.commands.trial import Trial

    print(report.about(clips), flush=True)
    runs: list[Run] = []
    interrupted = False
    for system in compared:
        trial = Trial(system, clips)
        try:
            asyncio.run(trial.transcribe(concurrency))
        except KeyboardInterrupt:
            interrupted = True
        runs.append(trial.run)
        _print(report.of_run(trial.run, n_worst))
        if interrupted:
            print("auricle: interrupted; this was done until then", file=sys.stderr)
            break
    if len(runs) == 2:
        _print(report.of_comparison(runs[0], runs[1], n_worst))
    return runs, interrupted


def _print(lines: Iterable[str]) -> None:
    print()
    for line in lines:
        print(line, flush=True)


def _clips(
    dataset: Path, language: str | None, languages: str | None, *, diarize: bool
) -> list[Clip]:
    from auricle_bench import datasets

    own = _code("--language", language) if language else None
    wanted = [_code("--languages", each) for each in languages.split(",")] if languages else None
    clips = datasets.read(dataset, own)
    if not diarize:
        clips = [clip for clip in clips if clip.text is not None]
        if not clips:
            raise AuricleError(f"{dataset} says who speaks when, but not what: add --diarize")
    chosen = [clip for clip in clips if wanted is None or clip.language in wanted]
    if not chosen:
        raise AuricleError(f"{dataset} has no clips in {languages}")
    return chosen


def _drawn(clips: list[Clip], limit: int | None, seed: int) -> list[Clip]:
    """As many as wanted, in the order of the data set."""
    if limit is None or limit >= len(clips):
        return clips
    places = random.Random(seed).sample(range(len(clips)), limit)
    return [clips[place] for place in sorted(places)]


def _code(option: str, language: str) -> str:
    from auricle.whisper import languages

    code = languages.parse(language)
    if code is None:
        raise click.UsageError(f"{option}: {language.strip()!r} is no language that Whisper knows")
    return code

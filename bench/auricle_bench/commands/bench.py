"""``auricle bench``: what to send to which server, and where the results go.

Knows nothing about how load is made or measured: the modules above do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from auricle.cli import inputs
from auricle_bench.commands.given import address_of, field_of, numbers_of, write
from auricle_bench.commands.live import live

if TYPE_CHECKING:
    from auricle_bench.clips import Clip
    from auricle_bench.session import Phase, Plan, Result
    from auricle_bench.target import Dialect, Target


class _Bench(click.Command):
    """``auricle bench``, of which ``auricle bench live`` is another command."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if args[:1] == [live.name]:
            return live.make_context(f"{info_name} {live.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_Bench, epilog="Live streams are measured by: auricle bench live --help")
@click.argument("url")
@click.argument("files", nargs=-1)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, file_okay=False),
    help="folder of recordings with refs.jsonl: a line each with file, language, text, duration_s",
)
@click.option("--languages", metavar="CODE,…", help="of the corpus, only clips in these")
@click.option(
    "--concurrency",
    default="1",
    show_default=True,
    metavar="N,…",
    help="requests at a time, a phase for each number",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 10_000, min_open=True),
    help="instead: requests a second, at random moments, whether or not earlier ones are answered",
)
@click.option(
    "--requests", type=click.IntRange(1), help="in each phase; default: one for each clip"
)
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="start requests for this long in each phase",
)
@click.option(
    "--dialect",
    type=click.Choice(("openai", "whispercpp")),
    default="openai",
    show_default=True,
    help="/v1/audio/transcriptions, or whisper.cpp's /inference (which takes WAV files)",
)
@click.option("--model", default="whisper-1", show_default=True, help="model name to send")
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE", help="one more form field to send"
)
@click.option("--detect-language", is_flag=True, help="do not send the language of the clips")
@click.option("--stream", is_flag=True, help="ask for server-sent events and time the first text")
@click.option("--pid", type=int, help="server process: report its processor time and memory")
@click.option("--api-key", help="key to send")
@click.option("--seed", default=0, show_default=True, help="of the order of clips and arrivals")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write everything here")
def bench(  # noqa: PLR0913  # click passes one argument per option
    url: str,
    files: tuple[str, ...],
    corpus: Path | None,
    languages: str | None,
    concurrency: str,
    rate: float | None,
    requests: int | None,
    duration: float | None,
    dialect: str,
    model: str,
    fields: tuple[str, ...],
    detect_language: bool,
    stream: bool,
    pid: int | None,
    api_key: str | None,
    seed: int,
    json_file: Path | None,
) -> int:
    """Measure a speech-to-text server under load. Speed, latency, errors, accuracy.

    URL is any server that speaks OpenAI's Audio API, such as http://localhost:50060. FILES are
    recordings or folders of them; with --corpus, whose recordings have references, answers are
    also scored.
    """
    if bool(files) == (corpus is not None):
        raise click.UsageError("give FILES or --corpus")
    if stream and dialect == "whispercpp":
        raise click.UsageError("--stream is for the openai dialect")
    from auricle_bench.accuracy import by_language
    from auricle_bench.load import Limit
    from auricle_bench.processes import watching
    from auricle_bench.session import Plan
    from auricle_bench.target import Target

    target = Target(
        url=address_of(url),
        dialect=cast("Dialect", dialect),
        model=model,
        fields=tuple(field_of(field) for field in fields),
        stream=stream,
        detect_language=detect_language,
        api_key=api_key,
    )
    plan = Plan(
        limit=Limit(requests, duration) if requests or duration else None,
        seed=seed,
        accuracy_of=by_language if corpus is not None else None,
        watching=(lambda: watching(pid)) if pid is not None else None,
    )
    phases = _phases(concurrency, rate)
    results = _measure(target, _clips(files, corpus, languages), phases, plan)
    if json_file is not None:
        _write_json(json_file, results, target, seed)
    return 0 if any(result.summary.n_answered for result in results) else 1


def _measure(target: Target, clips: list[Clip], phases: list[Phase], plan: Plan) -> list[Result]:
    import asyncio

    from auricle_bench import session

    shown: list[Result] = []  # the headings wait for the first: perhaps nobody answers

    def show(result: Result) -> None:
        _show(result, is_first=not shown)
        shown.append(result)

    return asyncio.run(session.run(target, clips, phases, plan, show))


def _show(result: Result, *, is_first: bool) -> None:
    from auricle_bench import report

    if is_first:
        print(report.line(report.HEADINGS), flush=True)
    summary = result.summary
    print(report.line(report.row(summary)), flush=True)
    for more in (report.errors(summary), report.error_rates(summary.accuracy or {})):
        if more:
            print(" " * 8 + more, flush=True)


def _phases(concurrency: str, rate: float | None) -> list[Phase]:
    from auricle_bench.session import Phase

    if rate is not None:
        return [Phase(rate=rate)]
    return [Phase(number) for number in numbers_of("--concurrency", concurrency)]


def _clips(files: tuple[str, ...], corpus: Path | None, languages: str | None) -> list[Clip]:
    from auricle_bench.clips import from_files, read_corpus

    if corpus is not None:
        return read_corpus(
            corpus, [code.strip() for code in languages.split(",")] if languages else ()
        )
    with tempfile.TemporaryDirectory(prefix="auricle-") as spool:
        return from_files([each.path for each in inputs.find(files, Path(spool))])


def _write_json(path: Path, results: list[Result], target: Target, seed: int) -> None:
    from auricle_bench.report import document

    about = {"url": target.endpoint, "model": target.model, "fields": target.fields, "seed": seed}
    write(path, document(results, about))

"""``auricle transcribe``: files and folders to text, through the same runtime the server uses.

Knows nothing about decoding or engines; `Runtime` does.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from auricle.cli import inputs, logs
from auricle.cli.options import settings_from, settings_options
from auricle.errors import AuricleError

if TYPE_CHECKING:
    from auricle.cli.output import Meter, Output
    from auricle.config import Settings
    from auricle.formats import Format
    from auricle.runtime import Runtime
    from auricle.types import Options, Task

FORMATS = ("text", "json", "srt", "vtt", "verbose_json")

AT_ONCE = 2
"""Recordings in work at one time: while one ends, the next already fills the batches."""


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--task",
    type=click.Choice(("transcribe", "translate")),
    default="transcribe",
    show_default=True,
    help="translate gives English text",
)
@click.option("--prompt", metavar="TEXT", help="names and words to expect, or the text before")
@click.option(
    "--temperature",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="above 0: sample instead of taking the likeliest text",
)
@click.option("--format", "fmt", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="write one file per recording here instead of printing",
)
@settings_options(server=False)
@click.pass_context
def transcribe(  # noqa: PLR0913  # click passes one argument per option
    context: click.Context,
    files: tuple[str, ...],
    task: str,
    prompt: str | None,
    temperature: float,
    fmt: str,
    output_dir: Path | None,
) -> int:
    """Transcribe recordings to text or subtitles.

    FILES are recordings, videos, folders of them, or - for standard input.

    Text of several files is printed with a heading for each; the other formats then need
    --output-dir. A file that fails is reported, and the rest is still done.
    """
    settings = settings_from(context)
    logs.set_up(verbose=settings.verbose, quiet=not settings.verbose)
    with tempfile.TemporaryDirectory(prefix="auricle-") as spool:
        found = inputs.find(files, Path(spool))
        if len(found) > 1 and fmt != "text" and output_dir is None:
            raise click.UsageError(f"{len(found)} files as {fmt} need --output-dir")
        output = _output(found, cast("Format", fmt), output_dir)
        from auricle.types import Options

        options = Options(
            task=cast("Task", task),
            language=settings.language,
            prompt=prompt,
            temperature=temperature,
            beam_size=settings.beam_size,
            vad=settings.vad,
            vad_threshold=settings.vad_threshold,
        )
        return asyncio.run(_run(settings, found, options, output))


def _output(found: list[inputs.Input], fmt: Format, output_dir: Path | None) -> Output:
    from auricle.cli.output import SUFFIX, Files, Printer

    if output_dir is not None:
        return Files(inputs.targets(found, output_dir, SUFFIX[fmt]), fmt)
    live = fmt == "text" and sys.stdout.isatty()
    return Printer([each.label for each in found], fmt, live=live)


async def _run(
    settings: Settings, found: list[inputs.Input], options: Options, output: Output
) -> int:
    """Load the model, transcribe everything; 1 if anything failed."""
    from auricle.cli.output import Meter
    from auricle.runtime import Runtime

    runtime = Runtime(settings)
    try:
        await runtime.start()
        if runtime.failure is not None:
            raise runtime.failure
        meter = Meter(len(found))
        try:
            waiting = iter(enumerate(found))
            async with asyncio.TaskGroup() as group:
                workers = [
                    group.create_task(_work(waiting, runtime, options, output, meter))
                    for _ in range(AT_ONCE)
                ]
        finally:
            meter.close()
        return 0 if all(worker.result() for worker in workers) else 1
    finally:
        await runtime.stop()


async def _work(
    waiting: Iterator[tuple[int, inputs.Input]],
    runtime: Runtime,
    options: Options,
    output: Output,
    meter: Meter,
) -> bool:
    """Take recordings until none waits; whether all of them went well."""
    from auricle.types import Transcript

    went_well = True
    for index, recording in waiting:
        segments = []
        transcript = None
        try:
            if not recording.path.exists():
                raise AuricleError("no such file")
            async with runtime.open(recording.path, options) as transcription:
                async for segment in transcription:
                    segments.append(segment)
                    output.segment(index, segment)
                    meter.reached(index, segment.end_s)
                meter.reached(index, transcription.duration_s)
                transcript = Transcript(
                    transcription.task,
                    transcription.language,
                    transcription.duration_s,
                    tuple(segments),
                )
            output.finish(index, transcript)
        except AuricleError as exc:
            went_well = False
            output.finish(index, None)
            meter.report(f"auricle: error: {recording.label}: {exc.message}")
        meter.finish()
    return went_well

"""``auricle transcribe``: what it takes, and where its output goes.

Knows nothing about how recordings are transcribed; ``batch`` does that.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from auricle.cli import inputs, logs
from auricle.cli.options import settings_from, settings_options

if TYPE_CHECKING:
    from auricle.cli.output import Output
    from auricle.formats import Format
    from auricle.types import Task

FORMATS = ("text", "json", "srt", "vtt", "verbose_json")


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
        import asyncio

        from auricle.cli import batch
        from auricle.runtime import Runtime
        from auricle.types import Options

        options = Options(
            task=cast("Task", task),
            language=settings.language,
            prompt=prompt,
            temperature=temperature,
            decoding=settings.decoding,
            beam_size=settings.beam_size,
            audio_context=settings.audio_context,
            vad=settings.vad,
            vad_threshold=settings.vad_threshold,
        )
        return asyncio.run(batch.run(Runtime(settings), found, options, output))


def _output(found: list[inputs.Input], fmt: Format, output_dir: Path | None) -> Output:
    from auricle.cli.output import SUFFIX, Files, Printer

    if output_dir is not None:
        return Files(inputs.targets(found, output_dir, SUFFIX[fmt]), fmt)
    live = fmt == "text" and sys.stdout.isatty()
    return Printer([each.label for each in found], fmt, live=live)

"""``auricle transcribe``: what it takes, and where its output goes.

Knows nothing about how recordings are transcribed; ``batch`` does that.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from auricle.cli import inputs
from auricle.cli.field_flags import field_options, fields_from, known_voices
from auricle.cli.options import settings_from, settings_options
from auricle.errors import InvalidRequest
from auricle.telemetry import logs
from auricle.types import FORMATS

if TYPE_CHECKING:
    from auricle.cli.output import Output
    from auricle.output.formats import Style
    from auricle.types import Task


RESUME = "auricle.resume"
"""Where a click context keeps whether what is read is kept."""


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--task",
    type=click.Choice(("transcribe", "translate")),
    default="transcribe",
    show_default=True,
    help="translate gives English text",
)
@field_options
@click.option(
    "--known-speaker",
    "known_speakers",
    multiple=True,
    metavar="NAME=FILE",
    help="name whoever sounds like the one voice in FILE, best of 2 to 10 s; may be repeated",
)
@click.option("--format", "fmt", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="write one file per recording here instead of printing",
)
@click.option(
    "--resume",
    is_flag=True,
    expose_value=False,
    callback=lambda context, _, value: context.meta.update({RESUME: value}),
    help="keep what is read, and go on with it the next time; what is done is not read again",
)
@settings_options(server=False)
@click.pass_context
def transcribe(
    context: click.Context,
    files: tuple[str, ...],
    task: str,
    known_speakers: tuple[str, ...],
    fmt: str,
    output_dir: Path | None,
) -> int:
    """Transcribe recordings to text or subtitles.

    FILES are recordings, videos, folders of them, or - for standard input.

    Text of several files is printed with a heading for each; the other formats then need
    --output-dir. A file that fails is reported, and the rest is still done.

    With --resume the same command goes on where it was interrupted, also in the middle of a file.

    \b
    Examples:
      auricle transcribe talk.mp4
      auricle transcribe talks/ --format srt --output-dir out
      auricle transcribe interview.mp3 --diarize --num-speakers 2
      arecord -f cd -d 10 | auricle transcribe - --language de
    """
    settings = settings_from(context)
    fields = fields_from(context, fmt, settings) + known_voices(known_speakers)
    from auricle.server.fields import audio_request

    try:
        asked = audio_request.parse(fields, cast("Task", task), settings)
    except InvalidRequest as exc:
        raise click.UsageError(exc.message) from exc
    logs.set_up(verbose=settings.verbose, quiet=not settings.verbose)
    with tempfile.TemporaryDirectory(prefix="auricle-") as spool:
        found = inputs.find(files, Path(spool))
        if len(found) > 1 and fmt != "text" and output_dir is None:
            raise click.UsageError(f"{len(found)} files as {fmt} need --output-dir")
        import asyncio

        from auricle.cli import batch
        from auricle.jobs.resuming import resuming
        from auricle.runtime import Runtime

        output = _output(found, asked.style, output_dir)
        kept = resuming(settings) if context.meta[RESUME] else None
        return asyncio.run(batch.run(Runtime(settings), found, asked.options, output, kept))


def _output(found: list[inputs.Input], style: Style, output_dir: Path | None) -> Output:
    from auricle.cli.output import Files, Printer
    from auricle.output.formats import KINDS

    if output_dir is not None:
        return Files(inputs.targets(found, output_dir, KINDS[style.format].suffix), style)
    live = style.format == "text" and sys.stdout.isatty()
    return Printer([each.label for each in found], style, live=live)

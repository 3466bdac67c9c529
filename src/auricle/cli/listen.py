"""``auricle listen``: what it takes, and where its captions go.

Knows nothing about how speech becomes text; ``listening`` does.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auricle.cli.options import (
    NumberRange,
    api_key_option,
    settings_from,
    settings_options,
    with_scheme,
)
from auricle.telemetry import logs

if TYPE_CHECKING:
    from auricle.types import Format

SAVED: dict[str, Format] = {".txt": "text", ".srt": "srt", ".vtt": "vtt"}
"""What can be saved, by the end of the file's name."""


@click.command()
@click.argument("file", required=False)
@click.option(
    "--speed",
    type=NumberRange(0, 1000),
    default=1.0,
    show_default=True,
    help="of FILE: times as fast as it was spoken; 0 is as fast as it can be followed",
)
@click.option("--microphone", metavar="NAME", help="which: its number, or part of its name")
@click.option("--list-microphones", is_flag=True, help="show which there are, and end")
@click.option(
    "--silence-s",
    type=NumberRange(0.1, 60),
    default=0.5,
    show_default=True,
    help="silence that ends a paragraph, seconds",
)
@click.option("--diarize", is_flag=True, help="say who speaks; of --url, a server of Auricle's can")
@click.option(
    "--save",
    "saved",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="also write what was said to this file, as its name ends: .txt, .srt or .vtt",
)
@click.option("--url", help="a server that speaks OpenAI's Realtime API, such as http://host:50060")
@api_key_option
@settings_options(server=False)
@click.pass_context
def listen(  # noqa: PLR0913  # click passes one argument per option
    context: click.Context,
    file: str | None,
    speed: float,
    microphone: str | None,
    list_microphones: bool,
    silence_s: float,
    diarize: bool,
    saved: tuple[Path, ...],
    url: str | None,
    api_key: str | None,
) -> int:
    """Caption what is said, while it is said.

    Listens to the microphone, or to FILE as if it were spoken now; Ctrl-C ends it. Text that may
    still change is dim. In a pipe each paragraph is a line, once it is over.

    \b
    Examples:
      auricle listen
      auricle listen talk.mp4 --speed 4 --save talk.srt
      auricle listen --url http://localhost:50060 --diarize
    """
    strange = [path for path in saved if path.suffix.lower() not in SAVED]
    if strange:
        known = ", ".join(SAVED)
        raise click.UsageError(f"--save: {str(strange[0])!r} does not end in one of {known}")
    if microphone and file:
        raise click.UsageError("give FILE or --microphone, not both")
    settings = settings_from(context)
    logs.set_up(verbose=settings.verbose, quiet=not settings.verbose)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # see `serve`
    import asyncio

    from auricle.cli import inputs
    from auricle.cli.listening import sources
    from auricle.cli.listening.remote_options import RemoteOptions
    from auricle.cli.listening.session import Listening, listened

    if list_microphones:
        print("\n".join(sources.microphones(sources.sound_module())))
        return 0
    server = None
    if url:
        model = "whisper-1" if settings.model == "auto" else settings.model
        language = settings.language
        server = RemoteOptions(with_scheme(url), model, language, silence_s, api_key, diarize)
    with tempfile.TemporaryDirectory(prefix="auricle-") as spool:
        found = inputs.find([file], Path(spool)) if file else []
        if len(found) > 1:
            raise click.UsageError(f"{file} is a folder; one FILE can be listened to")
        path = found[0].path if found else None
        files = {path: SAVED[path.suffix.lower()] for path in saved}
        plan = Listening(settings, path, speed, microphone, silence_s, server, files, diarize)
        return asyncio.run(listened(plan))

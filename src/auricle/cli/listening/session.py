"""One run of ``auricle listen``, put together from what was asked.

Knows nothing about the command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from auricle.cli import inputs
from auricle.cli.listening import local, remote, sources
from auricle.cli.listening.captions import Captions
from auricle.cli.listening.follow import follow, stopped_by_ctrl_c
from auricle.cli.listening.remote_options import RemoteOptions
from auricle.cli.listening.speech import FinishedTurn, Speech, SpeechEvent
from auricle.cli.output import Files
from auricle.errors import AuricleError
from auricle.live.options import LiveOptions
from auricle.live.turns import TurnOptions
from auricle.media.pool import DecoderPool
from auricle.output.formats import Style
from auricle.output.subtitles import Shape
from auricle.runtime import Runtime
from auricle.server.fields import audio_request
from auricle.settings.config import Settings
from auricle.speech_runtime import SpeechRuntime
from auricle.types import Format, Language, Pcm, SpeakerOptions, Transcript


@dataclass(frozen=True)
class Listening:
    """``path`` None: the microphone. ``remote`` None: a runtime of its own. ``saved`` are files to
    write."""

    settings: Settings
    path: Path | None = None
    speed: float = 1.0
    microphone: str | None = None
    silence_s: float = 0.5
    remote: RemoteOptions | None = None
    saved: Mapping[Path, Format] = field(default_factory=dict)
    diarize: bool = False
    """Say who speaks."""


async def listened(plan: Listening, runtime: SpeechRuntime | None = None) -> int:
    """Listen until the sound ends or the user has heard enough; the exit code.

    Raises:
        AuricleError: there is no sound, no model or no server; or a file cannot be written.
    """
    turns: list[FinishedTurn] = []
    stop = asyncio.Event()
    columns = (lambda: shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
    captions = Captions(sys.stdout, columns, sys.stderr)

    def show(event: SpeechEvent) -> None:
        captions.show(event)
        if isinstance(event, FinishedTurn):
            turns.append(event)

    try:
        async with _sound(plan) as sound, _speech(plan, runtime) as speech:
            with stopped_by_ctrl_c(stop):
                await follow(sound, speech, show, stop)
    finally:
        captions.close()
        for path, kind in plan.saved.items():
            settings = plan.settings
            shape = Shape(settings.max_line_width, settings.max_line_count, settings.max_cue_s)
            style = Style(kind, speakers=plan.diarize, cues=shape)
            Files([path], style).finish(0, _transcript(turns))
    return 0


@contextlib.asynccontextmanager
async def _speech(plan: Listening, runtime: SpeechRuntime | None) -> AsyncIterator[Speech]:
    if plan.remote is not None:
        async with remote.opened(plan.remote) as speech:
            yield speech
        return
    settings = plan.settings
    options = audio_request.parse([("model", settings.model)], "transcribe", settings).options
    if plan.diarize:
        options = replace(options, speakers=SpeakerOptions())
    turns = TurnOptions(threshold=settings.vad_threshold, silence_s=plan.silence_s)
    async with local.opened(runtime or Runtime(settings), LiveOptions(turns), options) as speech:
        yield speech


@contextlib.asynccontextmanager
async def _sound(plan: Listening) -> AsyncIterator[AsyncIterator[Pcm]]:
    if plan.path is None:
        async with sources.microphone(sources.sound_module(), plan.microphone) as sound:
            yield sound
        return
    with _named(plan.path):
        inputs.check(plan.path)
    decoders = DecoderPool(plan.settings)
    await decoders.start()
    try:
        yield _recording(plan.path, decoders, plan.speed)
    finally:
        await decoders.close()


async def _recording(path: Path, decoders: DecoderPool, speed: float) -> AsyncIterator[Pcm]:
    with _named(path):
        async for piece in sources.recording(path, decoders, speed):
            yield piece


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """What is wrong with the file is told with its name."""
    try:
        yield
    except AuricleError as exc:
        raise AuricleError(f"{path.name}: {exc.message}") from exc


def _transcript(turns: list[FinishedTurn]) -> Transcript:
    code = next((each.language for each in turns if each.language), None)
    return Transcript(
        task="transcribe",
        language=None if code is None else Language(code),
        duration_s=turns[-1].end_s if turns else 0.0,
        segments=tuple(segment for each in turns for segment in each.segments),
    )

"""What can be evaluated: a server, or models in this process; and what to compare it with.

Knows nothing about scores. Both answer a clip the same way, so that they can be compared.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import click

from auricle.cli.options import EVALUATED
from auricle.diarize import Diarization
from auricle.errors import AuricleError
from auricle.fields.table import BY_NAME
from auricle.output.speaker_bodies import UNKNOWN
from auricle.runtime import Runtime
from auricle.segment_stream import collect
from auricle.server.fields import audio_request
from auricle.settings.config import Settings, flag, load
from auricle.speaker_segments import SpokenTranscription
from auricle.speakers.turns import NamedTurn
from auricle.types import Transcript
from auricle_bench.clips import Clip
from auricle_bench.commands.given import address_of
from auricle_bench.load import Ask
from auricle_bench.speaker_references import SpeakerLine
from auricle_bench.target import Answer, Client, Target

DIARIZED: tuple[tuple[str, str], ...] = (("response_format", "diarized_json"),)
"""Fields that ask for speakers."""

ANY_MODEL = "whisper-1"
"""Stands for the model a server or this process was started with."""

OURS = ("file", "model", "stream", "response_format")
"""Fields that an evaluation fills in itself."""

UNSENT = ("language", "verbose")
"""Settings of the evaluation itself; each clip's language is sent with it."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Local:
    """Models in this process, with settings, and fields that each request carries."""

    settings: Settings
    name: str
    fields: Pairs = ()
    detect_language: bool = False

    def pairs(self, clip: Clip) -> Pairs:
        """The form a server with these settings would get."""
        given = dict(self.fields)
        tells = not self.detect_language and not {"language", "languages[]"} & set(given)
        if tells and clip.language is not None:
            given["language"] = clip.language
        return (("model", ANY_MODEL), *given.items())


@dataclass(frozen=True, slots=True)
class Remote:
    """A server."""

    target: Target
    name: str


System = Local | Remote


@asynccontextmanager
async def asking(system: System) -> AsyncIterator[Ask]:
    """What answers clips, ready for the first.

    Raises:
        AuricleError: the model cannot be loaded.
    """
    if isinstance(system, Remote):
        async with Client(system.target) as client:

            async def ask(clip: Clip) -> Answer:
                client.load([clip])
                try:
                    return await client.ask(clip)
                finally:
                    client.forget(clip)

            yield ask
        return
    runtime = Runtime(
        replace(system.settings, language=None) if system.detect_language else system.settings
    )
    try:
        await runtime.start()
        if runtime.failure is not None:
            raise runtime.failure
        yield lambda clip: answer_of(runtime, system, clip)
    finally:
        await runtime.stop()


async def answer_of(runtime: Runtime, system: Local, clip: Clip) -> Answer:
    """One clip, read as a request to a server with these settings is. What fails is an answer."""
    try:
        asked = audio_request.parse(system.pairs(clip), "transcribe", system.settings)
        async with runtime.open(clip.path, asked.options) as transcription:
            transcript = await collect(transcription)
            answer = Answer("200", transcript.text)
            if not isinstance(transcription, SpokenTranscription):
                return answer
            return _spoken(answer, transcript, transcription.diarization.result())
    except AuricleError as exc:
        return Answer(exc.code or "failed", complaint=exc.message)


def _spoken(answer: Answer, transcript: Transcript, found: Diarization) -> Answer:
    said = (SpeakerLine(each.speaker or UNKNOWN, each.text) for each in transcript.segments)
    names = [each.name for each in found.speakers]
    turns = (NamedTurn(turn.start_s, turn.end_s, names[turn.speaker]) for turn in found.turns)
    return replace(answer, turns=tuple(turns), said=tuple(said))


def local(settings: Settings, sent: Pairs, *, detect_language: bool) -> Local:
    """This process with its settings.

    Raises:
        click.UsageError: a field that does not exist here.
    """
    for name, _ in sent:
        _check_field(name, f"--field {name}")
    return Local(settings, str(settings.model_path or settings.model), sent, detect_language)


def remote(url: str, flags: Mapping[str, Any], sent: Pairs, *, detect_language: bool) -> Remote:
    """A server. Settings given as flags are sent with each request, where a request can carry them.

    Raises:
        click.UsageError: one of them it cannot carry.
    """
    given = {name: value for name, value in flags.items() if name not in UNSENT}
    model = str(given.pop("model", ANY_MODEL))
    carried = tuple(_sent(name, str(value)) for name, value in given.items())
    target = Target(url, model=model, fields=carried + sent, detect_language=detect_language)
    return Remote(target, url)


def diarizing(system: System) -> System:
    """The same, asked for speakers."""
    if isinstance(system, Remote):
        target = replace(system.target, fields=(*system.target.fields, *DIARIZED))
        return replace(system, target=target)
    return replace(system, fields=(*system.fields, *DIARIZED))


def other(base: System, text: str, flags: Mapping[str, Any], config: Path | None) -> System:
    """What ``--against`` names: a server's address, or what differs from ``base``.

    Raises:
        click.UsageError: neither, or nothing that can differ.
        auricle.errors.BadSetting: a value that the setting does not take.
    """
    if "://" in text or "=" not in text:
        if isinstance(base, Remote):
            return Remote(replace(base.target, url=address_of(text)), text)
        return remote(address_of(text), {}, base.fields, detect_language=base.detect_language)
    changes = dict(_change(part) for part in re.split(r",(?=[\w-]+=)", text))
    if isinstance(base, Remote):
        model = changes.pop("model", base.target.model)
        more = tuple(_sent(name, value) for name, value in changes.items())
        sent = _merged(base.target.fields, more)
        return Remote(replace(base.target, model=model, fields=sent), text)
    settings = {name: value for name, value in changes.items() if name in EVALUATED}
    more = tuple((name, value) for name, value in changes.items() if name not in settings)
    for name, _ in more:
        _check_field(name, f"--against {name}")
    changed = load({**flags, **settings}, path=config)
    return replace(base, settings=changed, fields=_merged(base.fields, more), name=text)


def ready(compared: Sequence[System], api_key: str | None) -> list[System]:
    """The same, with names that tell them apart, and the key.

    Raises:
        InvalidRequest: a field whose value is not allowed; the message names it.
        click.UsageError: a key, and no server to send it to.
    """
    if api_key is not None and not any(isinstance(each, Remote) for each in compared):
        raise click.UsageError("--api-key is for servers: give --url")
    done: list[System] = []
    for each in compared:
        if isinstance(each, Remote):
            done.append(replace(each, target=replace(each.target, api_key=api_key)))
        else:
            audio_request.parse((("model", ANY_MODEL), *each.fields), "transcribe", each.settings)
            done.append(each)
    if len(done) == 2 and isinstance(done[0], Local) and isinstance(done[1], Local):
        done[0] = replace(done[0], name=_told_apart(done[0].settings, done[1].settings))
    return done


def _told_apart(settings: Settings, others: Settings) -> str:
    """The model, and what is set otherwise elsewhere."""
    names = [each.name for each in fields(Settings)]
    differ = [name for name in names if getattr(settings, name) != getattr(others, name)]
    listed = [f"{name}={getattr(settings, name)}" for name in differ if name != "model"]
    return ", ".join([str(settings.model_path or f"model={settings.model}"), *listed])


def _merged(given: Pairs, more: Pairs) -> Pairs:
    return tuple(({**dict(given), **dict(more)}).items())


def _change(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().removeprefix("--").replace("-", "_"), value.strip()


def _sent(name: str, value: str) -> tuple[str, str]:
    """A setting as a field of a request."""
    if name in {each.name for each in fields(Settings)} and name not in BY_NAME:
        raise click.UsageError(
            f"{flag(name)} is a setting of a server, and no request can carry it; start a second "
            "server with it and give its address"
        )
    if name in OURS:
        raise click.UsageError(f"the field {name} is filled in by auricle evaluate itself")
    return name, value.lower() if value in ("True", "False") else value


def _check_field(name: str, origin: str) -> None:
    if name in {each.name for each in fields(Settings)} - EVALUATED:
        raise click.UsageError(f"{origin}: this setting changes no transcript")
    if name.removesuffix("[]") not in BY_NAME or name in OURS:
        known = ", ".join(sorted(EVALUATED | BY_NAME.keys() - set(OURS)))
        raise click.UsageError(f"{origin}: there is no such setting or field; known are {known}")

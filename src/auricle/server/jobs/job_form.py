"""A job as a form asks for it: what a transcription is asked with, and fields of a job's own.

Knows nothing about HTTP or how jobs are kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final, get_args

from auricle.errors import InvalidRequest
from auricle.fields.table import BY_NAME, FIELDS
from auricle.jobs import hooks
from auricle.jobs.job import Hook, JobRequest, Remote, Source
from auricle.jobs.outbound import OutboundClient
from auricle.jobs.sources import server_file
from auricle.output import formats
from auricle.output.formats import Style
from auricle.server.fields import audio_request
from auricle.server.fields.audio_request import AudioRequest, Pairs
from auricle.server.fields.form import Form, refuse, refuse_both
from auricle.settings.config import Settings
from auricle.telemetry import tracing
from auricle.types import DecodeOptions, Task

OWN: Final = ("task", "path", "url", "webhook_url", "webhook_secret", "name")
"""Fields of a job that a transcription has not."""

MAX_NAME_CHARS: Final = 200

ANSWER: Final = tuple(field.name for field in FIELDS if field.goes_to == "answer")
"""Fields that say how a result is written: they may be said anew whenever it is asked for."""

_SECRET: Final = ("known_speaker_references", "webhook_secret")
"""Fields that are not kept for showing: long, or secret."""

TASKS: Final[tuple[Task, ...]] = get_args(Task)


def base_name(name: str) -> str:
    """``include[]`` is ``include``."""
    return name.partition("[")[0]


def parse(pairs: Pairs, settings: Settings, *, word_times: bool = True) -> AudioRequest:
    """What is asked of the transcription. With ``word_times`` those are found in any case, so that
    the result can be written in every format, unless ``timestamp_granularities`` asks for segments
    alone.

    Raises:
        InvalidRequest: see `audio_request.parse`.
    """
    form = Form(pairs)
    task = form.choice("task", TASKS) or "transcribe"
    asked = audio_request.parse(
        [each for each in pairs if base_name(each[0]) not in OWN],
        "translate" if task == "translate" else "transcribe",
        settings,
    )
    n_chars = len(form.text("name") or "")
    if n_chars > MAX_NAME_CHARS:
        refuse("name", f"expected at most {MAX_NAME_CHARS} characters, but got {n_chars}.")
    if form.boolean("stream"):
        refuse("stream", "a job has no stream: its result is asked for when it is there.")
    return replace(asked, options=_with_words(asked.options, form)) if word_times else asked


def _with_words(options: DecodeOptions, form: Form) -> DecodeOptions:
    only_segments = set(form.strings("timestamp_granularities")) == {"segment"}
    return replace(options, words=options.words or not only_segments)


async def named_source(pairs: Pairs, settings: Settings, hosts: OutboundClient) -> Source | None:
    """Where the recording is that was not sent: a file of this machine, or a URL.

    Raises:
        InvalidRequest: neither may be had, or both are named.
    """
    form = Form(pairs)
    path, url = form.text("path"), form.text("url")
    if path is not None and url is not None:
        refuse_both("path", "url", "a job has one recording")
    if path is not None:
        return await asyncio.to_thread(partial(server_file, settings.job_folder, path))
    if url is not None:
        hosts.check(url)
        return Remote(url)
    return None


def hook(pairs: Pairs, settings: Settings, hosts: OutboundClient) -> Hook | None:
    """Who is to be told.

    Raises:
        InvalidRequest: they must not be, or there is nothing to sign with.
    """
    form = Form(pairs)
    url, secret = form.text("webhook_url"), form.text("webhook_secret")
    if url is None:
        if secret is not None:
            refuse("webhook_secret", "it needs webhook_url.")
        return None
    hosts.check(url)
    secret = secret or settings.webhook_secret
    if secret is None:
        refuse("webhook_url", "what is told is signed: it needs webhook_secret.")
    hooks.secret_bytes(secret)
    return Hook(url, secret)


def job_request(
    pairs: Pairs, request: AudioRequest, source: Source, hook: Hook | None = None
) -> JobRequest:
    """What is kept of it."""
    name = Form(pairs).text("name") or ""
    shown = tuple(each for each in pairs if base_name(each[0]) not in _SECRET)
    trace = tracing.current().headers
    return JobRequest(source, request.options, request.model, shown, hook, name, trace)


def style(kept: JobRequest, query: Pairs, settings: Settings) -> Style:
    """How a result is written: as the job was asked for, and as it is asked for now.

    Raises:
        InvalidRequest: a field says nothing about how it is written, or the job does not have what
            is to be shown.
    """
    now = list(query)
    for name, _ in now:
        if base_name(name) not in ANSWER:
            refuse(name, f"a result can be asked for with {', '.join(ANSWER)}.")
    named = {base_name(name) for name, _ in now}
    then = [
        each
        for each in kept.fields
        if base_name(each[0]) in ANSWER and base_name(each[0]) not in named
    ]
    wanted = Form([*then, *now]).choice("response_format", list(formats.CONTENT_TYPES)) or "json"
    if "response_format" in named:
        then = [each for each in then if _goes_with(each[0], wanted)]
    diarize = _diarize(kept.options, wanted)
    pairs = [("model", kept.model), *then, *now, *diarize]
    found = audio_request.parse(pairs, kept.options.task, settings).style
    _check(found, kept.options)
    return found


def _goes_with(name: str, wanted: str) -> bool:
    """Whether a field that was sent for another format means something in this one."""
    need = BY_NAME[base_name(name)].needs
    return need is None or need.name != "response_format" or wanted in need.values


def _diarize(options: DecodeOptions, wanted: str) -> list[tuple[str, str]]:
    """What makes the style show speakers where there are some, and not where there are none."""
    if wanted == "diarized_json":
        return []
    return [("diarize", "true" if options.speakers and wanted != "json" else "false")]


def _check(found: Style, options: DecodeOptions) -> None:
    missing = None
    if found.speakers and options.speakers is None:
        missing = ("response_format", "speakers", "diarize=true")
    elif found.logprobs and not options.logprobs:
        missing = ("include", "log-probabilities", "include[]=logprobs")
    elif found.words and not options.words:
        missing = ("timestamp_granularities", "times of words", "timestamp_granularities[]=word")
    if missing is not None:
        param, what, field = missing
        raise InvalidRequest(
            f"Invalid '{param}': the job has no {what}; they are there when it is made with "
            f"{field}.",
            param=param,
            code="invalid_value",
        )

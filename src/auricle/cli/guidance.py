"""Flags of ``auricle transcribe`` for what requests say in form fields: guidance, language, times.

Knows nothing about which values are allowed: the reader of forms checks them, for server and
command line alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from auricle.cli.options import FLAGS
from auricle.config import Settings

_FIELDS = "auricle.fields"
"""Where a click context keeps the form fields given as flags."""

_SETTINGS = ("language", "decoding", "beam_size", "patience")
"""Settings that can contradict a field, when they are given as flags."""

Command = TypeVar("Command", bound=Callable[..., Any])


def guidance_options(command: Command) -> Command:
    """Give a command the flags; it reads them with `fields_from`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def fields_from(context: click.Context, fmt: str, settings: Settings) -> list[tuple[str, str]]:
    """The (name, value) pairs of a form that asks for the same as the flags.

    Raises:
        click.UsageError: a flag needs another format.
    """
    given: dict[str, Any] = context.meta.get(_FIELDS, {})
    for name, needed in (("words", "verbose_json"), ("logprobs", "json")):
        if given.get(name) and fmt != needed:
            raise click.UsageError(f"--{name} needs --format {needed}, but that is {fmt}")
    pairs = [("model", settings.model or "auto"), ("response_format", fmt)]
    if given.pop("words", False):
        pairs.append(("timestamp_granularities", "word,segment"))
    if given.pop("logprobs", False):
        pairs.append(("include", "logprobs"))
    pairs += [(name, str(value)) for name, value in given.items()]
    flags = context.meta.get(FLAGS, {})
    return pairs + [(name, str(getattr(settings, name))) for name in _SETTINGS if name in flags]


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None and value is not False:
        context.meta.setdefault(_FIELDS, {})[parameter.name] = value


def _option(name: str, help_text: str, **settings: Any) -> Callable[[Command], Command]:
    return click.option(
        name, expose_value=False, callback=_remember, default=None, help=help_text, **settings
    )


_OPTIONS = (
    _option("--prompt", "names and words to expect, or the text before", metavar="TEXT"),
    _option(
        "--keywords", "names and terms that may be said, spelled as to be written", metavar="A,B,…"
    ),
    _option("--prefix", "what the first words are", metavar="TEXT"),
    _option(
        "--previous-text",
        "read a long recording piece by piece, each with the text before it as context",
        is_flag=True,
    ),
    _option("--languages", "languages that may be spoken, to detect from", metavar="A,B,…"),
    _option(
        "--language-detection",
        "once for a recording, or in every window of it, for several languages",
        type=click.Choice(("once", "window")),
    ),
    _option(
        "--temperature",
        "0 to 1; above 0: sample instead of taking the likeliest text  [default 0]",
        metavar="NUMBER",
    ),
    _option("--words", "times of words too, in verbose_json", is_flag=True),
    _option("--logprobs", "log-probabilities of tokens, in json", is_flag=True),
)

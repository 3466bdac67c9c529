"""Flags of ``auricle transcribe`` for what requests say in fields, made from the table of fields.

Knows nothing about any one field, nor which values are allowed: the reader of forms checks them,
for server and command line alike.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from auricle.cli.options import FLAGS
from auricle.fields.field import Field, Flag
from auricle.fields.kinds import LISTS, Choice, Switch, Text
from auricle.fields.table import FIELDS
from auricle.settings.config import Settings, flag

_GIVEN = "auricle.fields"
"""Where a click context keeps the fields given as flags, by name."""

Command = TypeVar("Command", bound=Callable[..., Any])


def field_options(command: Command) -> Command:
    """Give a command the flags; it reads them with `fields_from`."""
    for field in reversed(FIELDS):
        if field.flag:
            command = _option(field)(command)
    return command


def fields_from(context: click.Context, fmt: str, settings: Settings) -> list[tuple[str, str]]:
    """The (name, value) pairs of a form that asks for the same as the flags: those of fields, and
    those of settings that a field can contradict.

    Raises:
        click.UsageError: a flag needs another format.
    """
    given: dict[str, Any] = context.meta.get(_GIVEN, {})
    set_by_flag = context.meta.get(FLAGS, {})
    pairs = [("model", settings.model or "auto"), ("response_format", fmt)]
    for field in FIELDS:
        if field.name in given:
            value = field.flag.value if isinstance(field.flag, Flag) else given[field.name]
        elif field.name in set_by_flag and field.name != "model":
            value = getattr(settings, field.name)
        else:
            continue
        _check_format(field, fmt)
        pairs.append((field.name, str(value)))
    return pairs


def known_voices(given: Iterable[str]) -> list[tuple[str, str]]:
    """The pairs of a form for voices given as ``NAME=FILE``.

    Raises:
        click.UsageError: not so written, or a file that cannot be read.
    """
    pairs = []
    for each in given:
        name, equals, path = each.partition("=")
        if not (name and equals and path):
            raise click.UsageError(f"--known-speaker: expected NAME=FILE, but got {each!r}")
        try:
            data = Path(path).expanduser().read_bytes()
        except OSError as exc:
            raise click.UsageError(f"--known-speaker: cannot read {path}: {exc.strerror}") from exc
        url = f"data:audio/any;base64,{b64encode(data).decode()}"
        pairs += [("known_speaker_names[]", name), ("known_speaker_references[]", url)]
    return pairs


def _check_format(field: Field, fmt: str) -> None:
    need = field.flag.needs if isinstance(field.flag, Flag) else field.needs
    if need is not None and need.name == "response_format" and fmt not in need.values:
        wanted = " or ".join(need.values)
        name = flag(_flag_name(field))
        raise click.UsageError(f"{name} needs --format {wanted}, but that is {fmt}")


def _flag_name(field: Field) -> str:
    return field.flag.name if isinstance(field.flag, Flag) else field.name


def _option(field: Field) -> Callable[[Command], Command]:
    help_text = field.flag.help if isinstance(field.flag, Flag) else field.help
    if field.default is not None and not isinstance(field.default, bool | tuple):
        help_text += f"  [default {field.default}]"
    is_switch = isinstance(field.flag, Flag) or isinstance(field.kind, Switch)
    kind = click.Choice(field.kind.words) if isinstance(field.kind, Choice) else None
    return click.option(
        flag(_flag_name(field)),
        field.name,
        is_flag=is_switch,
        type=None if is_switch else kind,
        metavar=None if is_switch or kind else _metavar(field),
        default=None,
        expose_value=False,
        callback=_remember,
        help=help_text,
    )


def _metavar(field: Field) -> str:
    if isinstance(field.kind, LISTS):
        return "A,B,…"
    return "TEXT" if isinstance(field.kind, Text) else "NUMBER"


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None and value is not False:
        context.meta.setdefault(_GIVEN, {})[parameter.name] = value

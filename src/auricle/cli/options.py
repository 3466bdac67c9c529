"""Command-line options made from the fields of `Settings`, and `Settings` made from them.

Knows nothing about what any setting does: name, type, default and help all come from ``config``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

from auricle.fields.table import FIELDS
from auricle.settings.config import RENAMED, Settings, flag, load
from auricle.settings.sources import ENV_PREFIX

FLAGS = "auricle.flags"
"""Where a click context keeps the settings given as flags, by name."""

EVALUATED = frozenset(
    {setting.name for setting in fields(Settings) if not setting.metadata["server_only"]}
    - {field.name for field in FIELDS if field.goes_to == "answer"}
    | {"context_margin_s"}
)
"""Settings that can change what is transcribed, or how fast."""

_TYPES = get_type_hints(Settings)

Command = TypeVar("Command", bound=Callable[..., Any])


def settings_options(
    *, server: bool = True, only: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Give a command ``--config`` and one option per setting; ``server`` False leaves out those
    that only a server uses, ``only`` takes these alone. The command reads them with
    `settings_from`."""

    def decorate(command: Command) -> Command:
        for setting in reversed(fields(Settings)):
            wanted = setting.name in only if only else server or not setting.metadata["server_only"]
            if wanted:
                command = _option(setting)(command)
                for name in (old for old, new in RENAMED.items() if new == setting.name):
                    command = _option(setting, name)(command)
        return click.option(
            "--config",
            metavar="FILE",
            expose_value=False,
            callback=_remember,
            help="TOML file with settings  [env AURICLE_CONFIG]",
        )(command)

    return decorate


def settings_from(context: click.Context, **arguments: str | None) -> Settings:
    """The settings of this run. ``arguments`` are settings the command takes by position.

    Raises:
        auricle.errors.BadSetting: from `config.load`.
        click.UsageError: a setting given by position and as a flag.
    """
    flags = flags_from(context)
    for name, value in arguments.items():
        if value is not None and flags.get(name) is not None:
            raise click.UsageError(f"give {name.upper()} or {flag(name)}, not both")
        flags[name] = value if value is not None else flags.get(name)
    return load(flags, path=config_from(context))


class NumberRange(click.FloatRange):
    """A range of numbers. That click has compares alone, and so lets NaN pass every bound."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


def api_key_option(command: Command) -> Command:
    """Give a command ``--api-key``, of a server."""
    return click.option(
        "--api-key",
        envvar="OPENAI_API_KEY",
        help="key for the server; default: OPENAI_API_KEY of the environment",
    )(command)


def with_scheme(url: str) -> str:
    """``localhost:50060`` is meant as an HTTP address."""
    return url if "://" in url else f"http://{url}"


def flags_from(context: click.Context) -> dict[str, Any]:
    """The settings given as flags, by name."""
    given = context.meta.get(FLAGS, {})
    return {name: value for name, value in given.items() if name != "config"}


def config_from(context: click.Context) -> Path | None:
    """The settings file named by ``--config``."""
    named = context.meta.get(FLAGS, {}).get("config")
    return Path(named) if named else None


def type_text(setting: Field[Any]) -> str:
    """What a value looks like: ``INTEGER``, ``cpu|cuda``, ``on|off``."""
    wanted = _TYPES[setting.name]
    if get_origin(wanted) is tuple:
        item = get_args(wanted)[0]
        return f"{'|'.join(get_args(item)) or ('NUMBER' if item is float else 'TEXT')},…"
    if get_origin(wanted) is Literal:
        return "|".join(get_args(wanted))
    plain = {bool: "on|off", int: "INTEGER", float: "NUMBER", str: "TEXT"}
    return plain.get(wanted, "PATH" if Path in get_args(wanted) else "TEXT")


def default_text(setting: Field[Any]) -> str:
    """The default as a user would write it; empty when there is none."""
    if setting.default is None:
        return ""
    if isinstance(setting.default, bool):
        return "on" if setting.default else "off"
    if isinstance(setting.default, tuple):
        return ",".join(str(item) for item in setting.default)
    return str(setting.default)


def env_name(setting: Field[Any]) -> str:
    return ENV_PREFIX + setting.name.upper()


def _option(setting: Field[Any], old_name: str = "") -> Callable[[Command], Command]:
    """The option of a setting; under an older name it is not listed."""
    is_switch = type_text(setting) == "on|off"
    declared = flag(old_name or setting.name)
    notes = [f"env {env_name(setting)}"]
    if default_text(setting):
        notes.append(f"default {default_text(setting)}")
    return click.option(
        f"{declared}/--no-{declared.removeprefix('--')}" if is_switch else declared,
        old_name or setting.name,
        default=None,
        hidden=bool(old_name),
        metavar=None if is_switch else type_text(setting),
        expose_value=False,
        callback=_remember,
        help=f"{setting.metadata['help']}  [{'; '.join(notes)}]",
    )


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None:
        context.meta.setdefault(FLAGS, {})[parameter.name] = value

"""One setting: how it is declared, and how what a user wrote becomes its value.

Knows nothing about which settings there are; ``config`` does.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from auricle.errors import BadSetting
from auricle.system.home import expanded


def setting(  # type: ignore[no-untyped-def]  # noqa: ANN201, PLR0913  # dataclasses.field has no useful type of its own; one argument for each thing there is to say
    default: Any,
    help_text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    pattern: str | None = None,
    examples: str = "",
    server_only: bool = False,
    secret: bool = False,
    not_empty: bool = False,
):
    """One field of `Settings`. ``server_only`` keeps it out of ``auricle transcribe``; every item
    of a list matches ``pattern``, of which ``examples`` are told, and is in range; a ``secret``
    value is never shown; one that is ``not_empty`` is refused where it is given as nothing, which
    for a lock would mean open."""
    metadata = {"help": help_text, "low": low, "high": high, "pattern": pattern}
    metadata |= {"examples": examples}
    metadata |= {"server_only": server_only, "secret": secret, "not_empty": not_empty}
    return field(default=default, metadata=metadata, repr=not secret)


def checked(settings: type, name: str, value: Any, origin: str) -> Any:
    """``value`` as the type of setting ``name``; flags and environment bring strings.

    Raises:
        BadSetting: there is no such setting, or it cannot have that value.
    """
    known = {f.name: f for f in fields(settings)}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
        raise BadSetting(f"{origin}: unknown setting {name!r}; {hint}")
    wanted = get_type_hints(settings)[name]
    plain = _plain(value, wanted)
    if known[name].metadata["not_empty"] and not plain:
        raise BadSetting(f"{origin} is empty; give it a value, or leave it out")
    low, high = known[name].metadata["low"], known[name].metadata["high"]
    pattern = known[name].metadata["pattern"]
    try:
        converted = msgspec.convert(
            plain,
            wanted,
            strict=False,
            dec_hook=lambda kind, raw: expanded(kind(raw)).absolute(),
        )
        items = converted if get_origin(wanted) is tuple else (converted,)
        in_range = low is None or all(low <= item <= high for item in items)
        if pattern is not None:
            in_range = all(re.fullmatch(pattern, item) for item in converted)
    except (msgspec.ValidationError, TypeError, ValueError):
        in_range = False
    if not in_range:
        limits = "" if low is None else f" from {low} to {high}"
        limits += "" if pattern is None else f" like {known[name].metadata['examples']}"
        shown = "the value" if known[name].metadata["secret"] else repr(value)
        raise BadSetting(f"{origin}: {shown} is not {_allowed(wanted)}{limits}")
    return converted


def _plain(value: Any, wanted: Any) -> Any:
    """What flags and environment write as text, as TOML would have it."""
    if not isinstance(value, str):
        return value
    if get_origin(wanted) is tuple:
        return [part.strip() for part in value.split(",") if part.strip()]
    if wanted is bool:
        words = {"yes": "true", "on": "true", "no": "false", "off": "false"}
        return words.get(value.lower(), value)
    return value


def _allowed(wanted: Any) -> str:
    """What a setting of this type takes, in words that follow "is not"."""
    if get_origin(wanted) is tuple:
        item = get_args(wanted)[0]
        names = "numbers" if item is float else "names"
        return f"a list of {' or '.join(get_args(item)) or names}"
    if get_origin(wanted) is Literal:
        return f"one of {', '.join(get_args(wanted))}"
    plain = {bool: "true or false", int: "a whole number", float: "a number"}
    return plain.get(wanted, "a path" if Path in get_args(wanted) else "text")

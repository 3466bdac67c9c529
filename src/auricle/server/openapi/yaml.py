"""A plain value written as YAML, readable by people and by every YAML parser.

Knows nothing about OpenAPI. Strings that could be read as something else are quoted as in JSON,
which YAML understands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

_PLAIN = re.compile(r"[A-Za-z/$][\w /$.,()\[\]{};+*=<>^-]*(?<! )")
"""Strings that need no quotes: no colon, no hash, no sign at the start; `_WORDS` are read as
something else."""

_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def as_yaml(value: Mapping[str, Any]) -> str:
    """``value`` as a YAML document: mappings, lists, strings, numbers, booleans and None."""
    return "\n".join(line if line.strip() else "" for line in _lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    """The lines of a mapping or list that is not empty, without indentation."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(f"{_scalar(key)}:", item, "  ")
    else:
        for item in value:
            yield from _item(item)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value and value == value.strip():
        yield f"{head} |-"
        yield from ((indent + line) if line else "" for line in value.split("\n"))
    elif _is_flat(value):
        yield f"{head} {_scalar(value)}"
    else:
        yield head
        yield from (indent + line for line in _lines(value))


def _item(value: Any) -> Iterator[str]:
    """One entry of a list; a mapping begins on the line of its dash."""
    if not isinstance(value, Mapping) or not value:
        yield from _entry("-", value, "  ")
        return
    for i, line in enumerate(_lines(value)):
        yield f"- {line}" if i == 0 else f"  {line}"


def _is_flat(value: Any) -> bool:
    return not isinstance(value, Mapping | Sequence) or isinstance(value, str) or not value


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return msgspec.json.encode(value).decode()

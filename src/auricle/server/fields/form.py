"""A form, in every way clients encode lists, objects, numbers and booleans.

Knows nothing about which fields exist or what they mean.

One list field may come as ``name``, ``name[]``, ``name[0]``, a JSON array or a comma list; one
object as ``name[key]`` or a JSON object; and one JavaScript client sends everything unusual inside
``extra_body[…]``. What programs write that have no value to send (an empty text, ``null``,
``auto``) counts as absent, because forms cannot send nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from auricle.errors import InvalidRequest

SHOWN_CHARS = 80
"""How much of a wrong value an error message repeats."""

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)", re.DOTALL)
_KEY = re.compile(r"\[([^\[\]]*)\]", re.DOTALL)
_NEXT_URL = re.compile(r"\s*,\s*(?=data:)")
_INDEX = re.compile(r"[0-9]*", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d{1,300}\.?\d{0,300}|\.\d{1,300})(?:[eE][+-]?\d{1,5})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
ABSENT = frozenset({"", "null", "none", "undefined"})
"""What Python, JavaScript and JSON make of no value."""


class Form:
    """The fields of one form, by name; every getter names the field and the value it refuses.

    ``auto`` counts as absent in all but the fields ``with_auto``, where it is a value or a text.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], with_auto: Collection[str] = ()) -> None:
        self._values: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for raw_name, value in pairs:
            name, path = _split(raw_name)
            word = value.lower()
            if word in ABSENT or (word == "auto" and name not in with_auto):
                continue
            self._values.setdefault(name, []).append((path, value))

    def names(self) -> tuple[str, ...]:
        return tuple(self._values)

    def given(self, name: str) -> str | None:
        """What came for ``name``, shortened for a message; None when absent."""
        values = self._values.get(name)
        return None if values is None else shown(", ".join(value for _, value in values))

    def text(self, name: str) -> str | None:
        """A single value. Sending it twice is an error only when the two differ."""
        found: set[str] = set()
        for path, value in self._values.get(name, ()):
            if not _is_item(path):
                refuse(name, f"expected a single value, but got {name}{_bracketed(path)}.")
            found.add(value)
        if len(found) > 1:
            listed = " and ".join(repr(shown(value)) for value in sorted(found))
            refuse(name, f"expected a single value, but got {listed}.")
        return found.pop() if found else None

    def boolean(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value.lower() in TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        refuse(name, f"expected true or false, but got {shown(value)!r}.", code="invalid_type")

    def decimal(self, name: str, low: float, high: float) -> float | None:
        value = self.text(name)
        return None if value is None else decimal(name, value, low, high)

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self.text(name)
        return None if value is None else integer(name, value, low, high)

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in allowed:
            refuse_choice(name, value, allowed)
        return value

    def strings(self, name: str) -> tuple[str, ...]:
        """A list in any of its encodings, in the order it came."""
        return tuple(item for _, value in self._listed(name) for item in _items(name, value))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of terms that may hold commas: ``name[]`` is one term as it stands, ``name`` alone
        a JSON array or a comma list."""
        found = ([value] if path else _items(name, value) for path, value in self._listed(name))
        return tuple(itertools.chain.from_iterable(found))

    def urls(self, name: str) -> tuple[str, ...]:
        """A list of data URLs, each of which holds a comma: one is one, wherever it stands."""
        found: list[str] = []
        for path, value in self._listed(name):
            is_json = not path and value.lstrip().startswith("[")
            found.extend(_items(name, value) if is_json else _NEXT_URL.split(value.strip()))
        return tuple(found)

    def integers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """A list of whole numbers in any encoding of a list; JSON may quote them or not."""
        items = (_number_items(name, value) for _, value in self._listed(name))
        return tuple(integer(name, each, low, high) for some in items for each in some)

    def _listed(self, name: str) -> Iterator[tuple[tuple[str, ...], str]]:
        """What came for a list, each with the path behind its name."""
        for path, value in self._values.get(name, ()):
            if not _is_item(path):
                refuse(name, f"expected a list, but got {name}{_bracketed(path)}.")
            yield path, value

    def structure(self, name: str) -> str | Mapping[str, str] | None:
        """An object as flat strings by key, or the plain word that may stand in its place."""
        values = self._values.get(name, [])
        nested = {path[0]: value for path, value in values if len(path) == 1 and path[0]}
        if len(nested) == len(values):
            return nested or None
        plain = self.text(name)
        if plain is None:
            return None
        return _object(name, plain) if plain.lstrip().startswith("{") else plain


def decimal(name: str, value: str, low: float, high: float) -> float:
    """``value`` as a number from ``low`` to ``high``.

    Raises:
        InvalidRequest: not a number, or outside.
    """
    if _DECIMAL.fullmatch(value.strip()) is None:
        message = f"expected a number from {low:g} to {high:g}, but got {shown(value)!r}."
        refuse(name, message, code="invalid_type")
    return bounded(name, value, float(value), (low, high), "decimal")


def integer(name: str, value: str, low: int, high: int) -> int:
    """``value`` as a whole number from ``low`` to ``high``.

    Raises:
        InvalidRequest: not a whole number, or outside.
    """
    if _INTEGER.fullmatch(value.strip()) is None:
        message = f"expected a whole number from {low} to {high}, but got {shown(value)!r}."
        refuse(name, message, code="invalid_type")
    return int(bounded(name, value, int(value), (low, high), "integer"))


def bounded(name: str, value: str, number: float, bounds: tuple[float, float], kind: str) -> float:
    """The number that ``value`` was read as, or a refusal that shows it as it was written."""
    low, high = bounds
    if number < low:
        wanted = f"{kind} below minimum value. Expected a value >= {low:g}, but got {shown(value)}"
        refuse(name, f"{wanted} instead.", code=f"{kind}_below_min_value")
    if number > high:
        wanted = f"{kind} above maximum value. Expected a value <= {high:g}, but got {shown(value)}"
        refuse(name, f"{wanted} instead.", code=f"{kind}_above_max_value")
    return number


def refuse(name: str, reason: str, *, code: str = "invalid_value") -> NoReturn:
    raise InvalidRequest(f"Invalid '{name}': {reason}", param=name, code=code)


def refuse_choice(name: str, value: str, allowed: Sequence[str]) -> NoReturn:
    listed = ", ".join(f"'{one}'" for one in allowed)
    refuse(name, f"got {shown(value)!r}. Supported values are: {listed}.")


def refuse_both(name: str, other: str, reason: str) -> NoReturn:
    """Two fields contradict each other."""
    message = f"'{name}' and '{other}' cannot be used together: {reason}."
    raise InvalidRequest(message, param=name, code="invalid_value")


def shown(value: str) -> str:
    return value if len(value) <= SHOWN_CHARS else value[:SHOWN_CHARS] + "…"


def _split(raw_name: str) -> tuple[str, tuple[str, ...]]:
    """``a[b][]`` → ``("a", ("b", ""))``; what is inside ``extra_body[…]`` moves to the top."""
    match = _NAME.fullmatch(raw_name)
    if match is None:
        return raw_name, ()
    name, path = match[1], tuple(_KEY.findall(match[2]))
    if name == "extra_body" and path and path[0]:
        return path[0], path[1:]
    return name, path


def _is_item(path: tuple[str, ...]) -> bool:
    """Whether ``name``, ``name[]`` or ``name[3]`` was meant."""
    return not path or (len(path) == 1 and _INDEX.fullmatch(path[0]) is not None)


def _bracketed(path: tuple[str, ...]) -> str:
    return shown("".join(f"[{key}]" for key in path))


def _items(name: str, value: str) -> list[str]:
    if not value.lstrip().startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        return msgspec.json.decode(value, type=list[str])
    except (msgspec.DecodeError, RecursionError) as exc:
        message = f"Invalid '{name}': not a JSON array of strings: {shown(value)!r}."
        raise InvalidRequest(message, param=name, code="invalid_type") from exc


def _number_items(name: str, value: str) -> list[str]:
    if not value.lstrip().startswith("["):
        return _items(name, value)
    try:
        return [str(item) for item in msgspec.json.decode(value, type=list[int | str])]
    except (msgspec.DecodeError, RecursionError) as exc:
        message = f"Invalid '{name}': not a JSON array of whole numbers: {shown(value)!r}."
        raise InvalidRequest(message, param=name, code="invalid_type") from exc


def _object(name: str, value: str) -> dict[str, str]:
    try:
        found: dict[str, Any] = msgspec.json.decode(value, type=dict[str, str | int | float | None])
    except (msgspec.DecodeError, RecursionError) as exc:
        message = f"Invalid '{name}': not a JSON object of plain values: {shown(value)!r}."
        raise InvalidRequest(message, param=name, code="invalid_type") from exc
    return {key: str(item) for key, item in found.items() if item is not None}

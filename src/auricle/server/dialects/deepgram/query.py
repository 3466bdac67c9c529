"""The parameters of a request as Deepgram's clients write them: all in the query.

Knows nothing about which parameters there are. Lists are repeated, objects come as ``name[key]``,
numbers and booleans as text, and what programs write that have no value to send counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NoReturn

from auricle.errors import InvalidRequest
from auricle.server.fields.form import ABSENT, shown

_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0"})
_NAME: Final = re.compile(r"([^\[\]]+)(?:\[(.*)\])?", re.DOTALL)
_NUMBER: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_OBJECT: Final = "[object Object]"
"""What JavaScript makes of an object that nobody wrote out."""


class Query:
    """The parameters by name; every getter names the parameter and the value it refuses."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for raw_name, value in pairs:
            if value.lower() in ABSENT or value == _OBJECT:
                continue
            found = _NAME.fullmatch(raw_name)
            name, key = (found[1], found[2]) if found else (raw_name, None)
            given = value if not key or key.isdecimal() else f"{key}:{value}"
            self._values.setdefault(name, []).append(given)

    def names(self) -> tuple[str, ...]:
        return tuple(self._values)

    def texts(self, name: str) -> tuple[str, ...]:
        """All values, in the order they came."""
        return tuple(self._values.get(name, ()))

    def text(self, name: str) -> str | None:
        """The value; of several the last counts."""
        values = self._values.get(name)
        return values[-1].strip() if values else None

    def flag(self, name: str) -> bool:
        """Whether it is on; absent is off."""
        value = self.text(name)
        found = None if value is None else as_flag(value)
        if value is not None and found is None:
            refuse(name, value, "true or false")
        return bool(found)

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number within bounds."""
        value = self.text(name)
        if value is None:
            return None
        if _NUMBER.fullmatch(value) is None or not low <= float(value) <= high:
            refuse(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number within bounds."""
        value = self.number(name, low, high)
        if value is not None and value != int(value):
            refuse(name, self.text(name) or "", f"a whole number from {low} to {high}")
        return None if value is None else int(value)


def as_flag(value: str) -> bool | None:
    """What a boolean says; None of what is none."""
    word = value.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def refuse(name: str, value: str, allowed: str) -> NoReturn:
    raise InvalidRequest(
        f"Invalid '{name}' value of '{shown(value)}'. Allowed is {allowed}.",
        param=name,
        code="invalid_value",
    )

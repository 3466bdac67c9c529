"""Fields of a JSON object that a client sent, with the path by which errors name them.

Knows nothing about which fields there are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from auricle.errors import InvalidRequest
from auricle.server.fields.form import bounded, refuse, shown

_NAMES = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string"}


@dataclass(frozen=True, slots=True)
class Fields:
    """An object at ``path`` of what was sent, such as ``session.audio``."""

    values: Mapping[str, Any]
    path: str

    def __contains__(self, name: str) -> bool:
        """Whether a field is there, null or not."""
        return name in self.values

    def at(self, name: str) -> str:
        """The path of one field."""
        return f"{self.path}.{name}" if self.path else name

    def known(self, *names: str) -> None:
        """Refuse fields of other names."""
        for name in self.values:
            if name not in names:
                path = self.at(shown(name))
                raise InvalidRequest(
                    f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter"
                )

    def is_null(self, name: str) -> bool:
        return self.values.get(name) is None

    def required(self, name: str) -> Any:
        if name not in self.values:
            path = self.at(name)
            raise InvalidRequest(
                f"Missing required parameter: '{path}'.",
                param=path,
                code="missing_required_parameter",
            )
        return self.values[name]

    def fields(self, name: str) -> Fields:
        """An object in this one."""
        value = self.values.get(name)
        if not isinstance(value, dict):
            self._wrong_type(name, "an object", value)
        return Fields(value, self.at(name))

    def text(self, name: str, max_chars: int) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong_type(name, "a string", value)
        self._check_length(name, "string", "a", len(value), max_chars)
        return value

    def required_text(self, name: str, max_chars: int) -> str:
        """A text that must be there, and may not be null."""
        if self.required(name) is None:
            self._wrong_type(name, "a string", None)
        return self.text(name, max_chars) or ""

    def texts(self, name: str, max_items: int, max_chars: int) -> tuple[str, ...]:
        """A list of texts; none if it is null or not there."""
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._wrong_type(name, "an array of strings", value)
        self._check_length(name, "array", "an", len(value), max_items)
        items = Fields({str(i): each for i, each in enumerate(value)}, self.at(name))
        return tuple(items.text(str(i), max_chars) or "" for i in range(len(value)))

    def choice(self, name: str, words: Collection[str]) -> str:
        """A field that must be there, and one of these."""
        value = self.required(name)
        if not isinstance(value, str):
            self._wrong_type(name, "a string", value)
        if value not in words:
            refuse_choice(self.at(name), value, words)
        return value

    def number(self, name: str, bounds: tuple[float, float], absent: float) -> float:
        value = self.values.get(name)
        if value is None:
            return absent
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._wrong_type(name, "a decimal", value)
        return float(bounded(self.at(name), f"{value:g}", value, bounds, "decimal"))

    def integer(self, name: str, bounds: tuple[int, int], absent: int) -> int:
        value = self.values.get(name)
        if value is None:
            return absent
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong_type(name, "an integer", value)
        return int(bounded(self.at(name), str(value), value, bounds, "integer"))

    def boolean(self, name: str) -> bool | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            self._wrong_type(name, "a boolean", value)
        return value

    def _check_length(self, name: str, kind: str, article: str, length: int, most: int) -> None:
        if length > most:
            refuse(
                self.at(name),
                f"{kind} too long. Expected {article} {kind} with maximum length {most}, but got "
                f"{article} {kind} with length {length} instead.",
                code=f"{kind}_above_max_length",
            )

    def _wrong_type(self, name: str, wanted: str, value: object) -> NoReturn:
        path = self.at(name)
        raise InvalidRequest(
            f"Invalid type for '{path}': expected {wanted}, but got {_kind(value)} instead.",
            param=path,
            code="invalid_type",
        )


def refuse_choice(path: str, value: str, words: Collection[str]) -> NoReturn:
    raise InvalidRequest(
        f"Invalid value: '{shown(value)}'. Supported values are: {_listed(words)}.",
        param=path,
        code="invalid_value",
    )


def _listed(words: Collection[str]) -> str:
    *most, last = (f"'{word}'" for word in words)
    if not most:
        return last
    return f"{', '.join(most)}{',' if len(most) > 1 else ''} and {last}"


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "an array"
    return _NAMES.get(type(value), "an object")

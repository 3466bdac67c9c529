"""What the value of a request's field can be: each kind says so in words and as JSON Schema.

Knows nothing about which fields there are, or how they are read from a form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias


@dataclass(frozen=True, slots=True)
class Recording:
    """The file itself."""

    text: ClassVar = "file"
    schema: ClassVar[Mapping[str, Any]] = {"type": "string", "format": "binary"}


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it stands; ``max_chars`` None: as long as a field of a form may be."""

    max_chars: int | None = None

    @property
    def text(self) -> str:
        return "text" if self.max_chars is None else f"text, at most {self.max_chars} characters"

    @property
    def schema(self) -> Mapping[str, Any]:
        limit = {} if self.max_chars is None else {"maxLength": self.max_chars}
        return {"type": "string", **limit}


@dataclass(frozen=True, slots=True)
class Language:
    """The code of a language, from any of its spellings."""

    text: ClassVar = "language"
    schema: ClassVar[Mapping[str, Any]] = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Track:
    """The number of an audio track, from 1, or its language."""

    text: ClassVar = "number from 1, or language"
    schema: ClassVar[Mapping[str, Any]] = {"type": "string", "maxLength": 64}


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false."""

    text: ClassVar = "`true` or `false`"
    schema: ClassVar[Mapping[str, Any]] = {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from ``low`` to ``high``."""

    low: int
    high: int

    @property
    def text(self) -> str:
        return f"{self.low} to {self.high}"

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Number:
    """A number from ``low`` to ``high``."""

    low: float
    high: float

    @property
    def text(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"type": "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return " or ".join(f"`{word}`" for word in self.words)

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Choices:
    """A list of some words."""

    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"list of {' and '.join(f'`{word}`' for word in self.words)}"

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"type": "array", "items": {"type": "string", "enum": list(self.words)}}


@dataclass(frozen=True, slots=True)
class Languages:
    """A list of codes of languages."""

    max_items: int

    @property
    def text(self) -> str:
        return f"at most {self.max_items} languages"

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"type": "array", "items": {"type": "string"}, "maxItems": self.max_items}


@dataclass(frozen=True, slots=True)
class Terms:
    """A list of words and phrases, of ``max_chars`` characters in all. ``as_text``: documented as
    one text with commas between them; every encoding of a list is read all the same."""

    max_items: int
    max_chars: int
    as_text: bool = False

    @property
    def text(self) -> str:
        return f"at most {self.max_items} terms, {self.max_chars} characters in all"

    @property
    def schema(self) -> Mapping[str, Any]:
        if self.as_text:
            return {"type": "string", "maxLength": self.max_chars}
        items = {"type": "string", "pattern": "^[^<>\\r\\n]*$"}
        return {"type": "array", "items": items, "maxItems": self.max_items}


@dataclass(frozen=True, slots=True)
class Ids:
    """A list of whole numbers from ``low`` to ``high``, which has no order."""

    low: int
    high: int
    max_items: int

    @property
    def text(self) -> str:
        return f"at most {self.max_items} numbers, each {self.low} to {self.high}"

    @property
    def schema(self) -> Mapping[str, Any]:
        items = {"type": "integer", "minimum": self.low, "maximum": self.high}
        return {"type": "array", "items": items, "maxItems": self.max_items}


@dataclass(frozen=True, slots=True)
class ServerVad:
    """``auto``, or an object of type ``server_vad`` with numbers."""

    max_padding_ms: int
    keys: ClassVar = ("type", "threshold", "prefix_padding_ms", "silence_duration_ms")
    text: ClassVar = "`auto` or `server_vad`"

    @property
    def schema(self) -> Mapping[str, Any]:
        padding = {"type": "integer", "minimum": 0, "maximum": self.max_padding_ms}
        settings = {
            "type": "object",
            "required": ["type"],
            "additionalProperties": False,
            "properties": {
                "type": {"const": "server_vad"},
                "threshold": {"type": "number", "minimum": 0, "maximum": 1},
                "prefix_padding_ms": padding,
                "silence_duration_ms": padding,
            },
        }
        return {"anyOf": [{"const": "auto"}, settings]}


@dataclass(frozen=True, slots=True)
class Names:
    """A list of names, each as it stands."""

    max_items: int
    max_chars: int

    @property
    def text(self) -> str:
        return f"at most {self.max_items} names, {self.max_chars} characters each"

    @property
    def schema(self) -> Mapping[str, Any]:
        items = {"type": "string", "minLength": 1, "maxLength": self.max_chars}
        return {"type": "array", "items": items, "maxItems": self.max_items}


@dataclass(frozen=True, slots=True)
class DataUrls:
    """A list of short recordings, each as a data URL."""

    max_items: int
    max_bytes: int

    @property
    def text(self) -> str:
        return f"at most {self.max_items} data URLs, {self.max_bytes >> 20} MiB each"

    @property
    def schema(self) -> Mapping[str, Any]:
        items = {"type": "string", "pattern": "^data:", "maxLength": self.max_bytes}
        return {"type": "array", "items": items, "maxItems": self.max_items}


Kind: TypeAlias = (
    Recording
    | Text
    | Language
    | Track
    | Switch
    | Whole
    | Number
    | Choice
    | Choices
    | Languages
    | Terms
    | Ids
    | ServerVad
    | Names
    | DataUrls
)

LISTS = (Choices, Languages, Terms, Ids, Names, DataUrls)

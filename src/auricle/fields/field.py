"""One field of a transcription request: how it is declared, and how documents show it.

Knows nothing about which fields there are (``table`` does) or how they are read from a form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, TypeAlias

from auricle.fields.kinds import LISTS, Kind, Terms

Test: TypeAlias = Callable[[Any], bool]
"""Whether a field's value is one that something else does not go with."""


def any_value(_: Any) -> bool:
    return True


def one_of(*values: Any) -> Test:
    return lambda value: value in values


def other_than(*values: Any) -> Test:
    return lambda value: value not in values


@dataclass(frozen=True, slots=True)
class Need:
    """What a field asks for is there only with these values of another."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Two fields contradict each other: this one where ``when`` holds of its value, and the field
    ``name`` where ``against`` holds of its own. ``reason`` follows a colon in the message.
    ``by_default``: also where the other's value comes from a setting."""

    name: str
    reason: str
    when: Test = any_value
    against: Test = any_value
    by_default: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """A switch of the command line that sends ``value`` in the field."""

    name: str
    value: str
    help: str
    needs: Need


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``default`` is what it means to leave it out; with ``is_setting`` a setting of the
    same name says so, whose default this is."""

    name: str
    """Without the brackets that a list may have behind it."""
    kind: Kind
    goes_to: Literal["decode", "answer", "request"]
    """``decode``: the attribute of `DecodeOptions` of that name; ``answer``: how the answer is
    written; ``request``: neither, `server.fields` says what becomes of it."""
    help: str
    """What it does, in words that can follow a colon."""
    _: KW_ONLY
    default: Any = None
    is_setting: bool = False
    is_required: bool = False
    is_openai: bool = False
    """Whether OpenAI's API has it; the others are extensions."""
    is_same_as: str | None = None
    """The field this is another name of."""
    flag: bool | Flag = False
    """Whether ``auricle transcribe`` has a flag of that name, besides those of settings; or which
    other one."""
    needs: Need | None = None
    excludes: tuple[Exclusion, ...] = ()

    @property
    def form_name(self) -> str:
        """As clients write it: a list has brackets."""
        is_text = isinstance(self.kind, Terms) and self.kind.as_text
        is_list = isinstance(self.kind, LISTS) and not is_text
        return f"{self.name}[]" if is_list else self.name

    @property
    def schema(self) -> Mapping[str, Any]:
        """What may be sent, as JSON Schema; without the default of a setting, which may differ."""
        default = self.default
        if default is None or self.is_setting:
            return self.kind.schema
        return {
            **self.kind.schema,
            "default": list(default) if isinstance(default, tuple) else default,
        }

    @property
    def description(self) -> str:
        """What it does and what it does not go with, in sentences."""
        text = f"{self.help[0].upper()}{self.help[1:]}" if self.is_openai else self.help
        if self.needs is not None:
            text += f". For {self.needs.name} {' or '.join(self.needs.values)} only"
        others = [each for each in self.excludes if each.name != self.name]
        if others:
            listed = "; ".join(f"{each.name} ({each.reason})" for each in others)
            text += f". Can contradict {listed}"
        return f"{text}." if self.is_openai else f"Extension: {text}."

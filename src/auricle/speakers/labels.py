"""What speakers are called: the names of known voices, letters for the others.

Knows nothing about audio.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import count


def labels(names: Sequence[str | None]) -> list[str]:
    """A label for each speaker: their name, or the next letter that is nobody's name."""
    free = _letters({name for name in names if name is not None})
    return [next(free) if name is None else name for name in names]


def _letters(taken: Collection[str]) -> Iterator[str]:
    for number in count():
        if (label := letter(number)) not in taken:
            yield label


def letter(number: int) -> str:
    """A to Z for 0 to 25, then AA, AB and so on."""
    label, rest = "", number + 1
    while rest:
        rest, place = divmod(rest - 1, 26)
        label = chr(ord("A") + place) + label
    return label


def number(label: str) -> int:
    """What `letter` was given."""
    total = 0
    for character in label:
        total = 26 * total + ord(character) - ord("A") + 1
    return total - 1

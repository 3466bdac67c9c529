"""Damage to bytes, text and JSON, drawn from one seeded source: the same seed, the same damage.

Knows nothing about what is damaged.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

MAX_EDITS = 8
LONG = 20_000
"""Characters of a text that is too long for most fields."""

NUMBERS: Sequence[object] = (
    0, -1, 1, 2, 0.5, -0.0, 1e308, -1e308, 1e-320, 2**31, 2**63, 2**64, -(2**63), 10**40, 16_000,
)  # fmt: skip
TEXTS = (
    "", " ", "null", "auto", "true", "en", "xx", "NaN", "Infinity", "-1", "1e999", "٣", "\x00",
    "../../etc/passwd", "%00", "a" * 300, "á̂", "\u202e", "\U0001f3a4", "[", "{", '"', "\\", "\r\n",
)  # fmt: skip
MARKS = (
    b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"\x80", b"\n",
    b"\r\n", b"\r\n\r\n", b"{", b"}", b'"', b"[" * 3000, b"\xed\xa0\x80", b"\xc0\x80", b"9" * 30,
    b"-1", b"1e999", b"--", b":", b";", b",", b"%", b"\\u0000", b"\\ud800",
)  # fmt: skip


class Damage:
    """What to do to things. Every method returns something new."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def data(self, of: bytes, tokens: Sequence[bytes] = MARKS, max_edits: int = MAX_EDITS) -> bytes:
        """``of`` with some places flipped, overwritten, cut out, doubled or spliced in."""
        found = bytearray(of)
        for _ in range(self.rng.randint(1, max_edits)):
            at = self.rng.randint(0, len(found))
            self._edit(found, at, tokens)
        return bytes(found[: self.rng.randint(0, len(found))] if self._rarely() else found)

    def _edit(self, found: bytearray, at: int, tokens: Sequence[bytes]) -> None:
        n = min(self.rng.choice((1, 1, 2, 4, 8, 64, 1000)), 1 + len(found) // 2)
        match self.rng.randrange(6):
            case 0 if at < len(found):
                found[at] ^= 1 << self.rng.randrange(8)
            case 1:
                found[at : at + n] = self.rng.randbytes(n)
            case 2:
                del found[at : at + n]
            case 3:
                found[at:at] = self.rng.choice(tokens)
            case 4:
                found[at:at] = found[at : at + n]
            case _:
                token = self.rng.choice(tokens)
                found[at : at + len(token)] = token

    def text(self, of: str) -> str:
        """Another text, or ``of`` with damage."""
        if self.rng.random() < 0.4:
            return self.rng.choice(TEXTS)
        if self.rng.random() < 0.02:
            return of + "x" * LONG
        found = list(of)
        for _ in range(self.rng.randint(1, 4)):
            at = self.rng.randint(0, len(found))
            found[at : at + self.rng.randrange(3)] = self.rng.choice(TEXTS)
        return "".join(found)

    def value(self, of: Any = None, depth: int = 4) -> Any:
        """A JSON value: ``of`` with damage, or any other."""
        if isinstance(of, dict) and self.rng.random() < 0.8 and depth:
            return self._members(of, depth)
        if isinstance(of, list) and self.rng.random() < 0.8 and depth:
            kept = [self.value(each, depth - 1) if self._rarely() else each for each in of]
            return kept * self.rng.choice((0, 1, 1, 2))
        if isinstance(of, str) and self.rng.random() < 0.5:
            return self.text(of)
        kinds: tuple[Callable[[], Any], ...] = (
            lambda: None,
            lambda: self.rng.random() < 0.5,
            lambda: self.rng.choice(NUMBERS),
            lambda: self.rng.choice(TEXTS),
            lambda: [self.value(None, depth - 1) for _ in range(self.rng.randrange(3))],
            lambda: {self.rng.choice(TEXTS): self.value(None, depth - 1)},
        )
        return self.rng.choice(kinds if depth > 0 else kinds[:4])()

    def _members(self, of: dict[str, Any], depth: int) -> dict[str, Any]:
        changed = {}
        for name, value in of.items():
            if self.rng.random() < 0.1:
                continue
            key = self.rng.choice(TEXTS) if self.rng.random() < 0.05 else name
            changed[key] = self.value(value, depth - 1) if self.rng.random() < 0.4 else value
        if self._rarely():
            changed[self.rng.choice(TEXTS)] = self.value(None, depth - 1)
        return changed

    def json(self, of: Any) -> bytes:
        """A JSON document: damaged as a value, rarely as bytes, too."""
        written = json.dumps(self.value(of) if self.rng.random() < 0.9 else of).encode()
        return self.data(written) if self.rng.random() < 0.15 else written

    def pieces(self, of: bytes) -> list[bytes]:
        """``of`` cut somewhere."""
        found, start = [], 0
        for _ in range(self.rng.choice((0, 0, 1, 3, 20))):
            end = self.rng.randint(start, len(of))
            found.append(of[start:end])
            start = end
        return [*found, of[start:]]

    def _rarely(self) -> bool:
        return self.rng.random() < 0.15

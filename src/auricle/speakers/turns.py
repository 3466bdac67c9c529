"""Who speaks when, as it is handed to others.

Knows nothing about how it was found.
"""

from __future__ import annotations

import msgspec


class Turn(msgspec.Struct, frozen=True):
    """One voice from ``start_s`` to ``end_s``. Turns of different voices may overlap."""

    start_s: float
    end_s: float
    speaker: int
    """0 for who spoke first, then in order of arrival."""


class NamedTurn(msgspec.Struct, frozen=True):
    """A turn whose speaker has a name."""

    start_s: float
    end_s: float
    speaker: str

"""Names that an operator gives to models, by the setting model_aliases.

Knows nothing about which models there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Aliases:
    """Each alias means the name behind it, which is not looked up here again."""

    def __init__(self, pairs: Iterable[str]) -> None:
        """``pairs``: texts like ``my-whisper=small``; of two with one alias the last counts."""
        split = [pair.partition("=") for pair in pairs]
        self._meant = {alias.strip().lower(): name.strip() for alias, _, name in split}

    def __iter__(self) -> Iterator[str]:
        return iter(self._meant)

    def meant(self, name: str) -> str:
        """What a name in a request stands for: itself if it is no alias."""
        return self._meant.get(name.strip().lower(), name)

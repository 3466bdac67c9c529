"""The language of a recording: given, found on its first window, or the one spoken longest.

Knows nothing about how a language is detected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from auricle.reading.ledger import Ledger
from auricle.types import DecodeOptions, Language


@dataclass(slots=True)
class RecordingLanguage:
    """``known`` is None until the first window has been looked at, and without speech. Where it is
    detected on every window it is the one spoken longest so far."""

    options: DecodeOptions
    known: Language | None = None
    _detecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _spoken_s: dict[Language, float] = field(default_factory=dict)

    @classmethod
    def kept(cls, options: DecodeOptions, ledger: Ledger | None) -> RecordingLanguage:
        """With what was found out before, where a ledger is kept for the recording."""
        if ledger is None or options.language_detection == "window":
            return cls(options)
        return cls(options, ledger.language)

    async def of_window(self, detect: Callable[[], Awaitable[Language]]) -> Language:
        """The language a window is read in: the one given, the one detected on the first window,
        for which the others wait, or the one detected on this window."""
        if self.options.language is not None:
            self.known = self.known or Language(self.options.language)
        elif self.options.language_detection == "window":
            return await detect()
        async with self._detecting:
            if self.known is None:
                self.known = await detect()
        return self.known

    def note(self, language: Language, speech_s: float) -> None:
        """Another window was heard in ``language``. It is known by the probability it was first
        detected with."""
        if self.options.language_detection != "window":
            return
        known = next((each for each in self._spoken_s if each.code == language.code), language)
        self._spoken_s[known] = self._spoken_s.get(known, 0.0) + speech_s
        self.known = max(self._spoken_s, key=lambda each: self._spoken_s[each])

"""What a dialect sees of live speech: pcm goes in, and what is known of it comes out.

Knows nothing about how that is done: `live.transcription` does it, tests have one that says what
they tell it to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from auricle.live.effects import Effect
from auricle.live.options import LiveOptions
from auricle.types import DecodeOptions, Pcm


class LiveStream(Protocol):
    """One stream. `send`, `commit`, `clear`, `finish` and `configure` are for one task; another
    iterates over it, once, for its effects: all but `ReadWanted`, in order. They end after the last
    `Final`, once `finish` was called."""

    @property
    def now_s(self) -> float:
        """How much audio was received."""
        ...

    async def send(self, pcm: Pcm) -> None:
        """Take more audio. Waits while as much is unread as may be, for a while.

        Raises:
            Overloaded: the stream cannot be followed.
        """
        ...

    async def commit(self) -> None:
        """End the turn here; where nobody spoke, it is an empty one."""
        ...

    def clear(self) -> None:
        """Forget the turn that is open, with its audio."""
        ...

    async def finish(self) -> None:
        """There is no more audio: end the turn that is open, if any."""
        ...

    def configure(self, live: LiveOptions, options: DecodeOptions) -> None:
        """Go on with other options, from the next turn on.

        Raises:
            InvalidRequest: the model cannot do what they ask.
        """
        ...

    def __aiter__(self) -> AsyncIterator[Effect]: ...

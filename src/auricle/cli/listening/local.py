"""Text made by a model in this program's own runtime.

Knows nothing about where the sound comes from.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from auricle.cli.listening.speech import Caption, FinishedTurn, Note, SpeechEvent, spoken
from auricle.live.effects import Effect, Final, TurnFailed, TurnStarted, Update
from auricle.live.options import LiveOptions
from auricle.live.stream import LiveStream
from auricle.speech_runtime import SpeechRuntime
from auricle.types import DecodeOptions, Pcm, Word


@dataclass(slots=True)
class _Turn:
    committed: list[Word] = field(default_factory=list)
    tentative: tuple[Word, ...] = ()


class LocalSpeech:
    """A `Speech` on a live stream."""

    def __init__(self, stream: LiveStream) -> None:
        self._stream = stream
        self._open: dict[int, _Turn] = {}
        """Turns that are not final, in order."""

    async def send(self, pcm: Pcm) -> None:
        await self._stream.send(pcm)

    async def finish(self) -> None:
        await self._stream.finish()

    async def __aiter__(self) -> AsyncIterator[SpeechEvent]:
        async for effect in self._stream:
            for event in self._speech_events(effect):
                yield event

    def _speech_events(self, effect: Effect) -> Iterable[SpeechEvent]:
        if isinstance(effect, TurnStarted):
            self._open[effect.turn] = _Turn()
        elif isinstance(effect, Update):
            turn = self._open.setdefault(effect.turn, _Turn())
            turn.committed += effect.committed
            turn.tentative = effect.tentative
            yield self._caption()
        elif isinstance(effect, Final | TurnFailed):
            self._open.pop(effect.turn, None)
            if isinstance(effect, TurnFailed):
                yield Note(effect.reason)
            text = spoken(effect.words).strip()
            if text:
                language = effect.language if isinstance(effect, Final) else None
                code = None if language is None else language.code
                yield FinishedTurn(effect.start_s, effect.end_s, text, effect.words, code)
            yield self._caption()

    def _caption(self) -> Caption:
        """What is on the way, of all turns that are open."""
        committed = "".join(spoken(turn.committed) for turn in self._open.values())
        tentative = "".join(spoken(turn.tentative) for turn in self._open.values())
        return Caption(committed.lstrip(), tentative)


@asynccontextmanager
async def opened(
    runtime: SpeechRuntime, live: LiveOptions, options: DecodeOptions
) -> AsyncIterator[LocalSpeech]:
    """Start the runtime, and follow one stream with it; stop it in the end.

    Raises:
        AuricleError: the model cannot be loaded, or cannot do what the options ask.
    """
    try:
        await runtime.start()
        if runtime.failure is not None:
            raise runtime.failure
        async with runtime.open_live(live, options) as stream:
            yield LocalSpeech(stream)
    finally:
        await runtime.stop()

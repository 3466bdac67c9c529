"""A live stream whose words have speakers.

Knows nothing about how audio becomes text, or where voices are listened to. What was told is never
changed: words count as tentative until their voice was listened to, which happens once there is a
sentence or two seconds of them, and when their turn is over. A label belongs to a voice for as long
as the stream lasts, in order of arrival.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from auricle.errors import AuricleError
from auricle.live.audio import RecentAudio
from auricle.live.effects import Effect, Forgotten, LiveWord, TurnFailed, Update
from auricle.live.effects import Final as TurnFinal
from auricle.live.options import LiveOptions
from auricle.live.stream import LiveStream
from auricle.output.line_breaking import ends_sentence
from auricle.speakers.diarization import EmbeddedStretches
from auricle.speakers.labels import letter
from auricle.speakers.live import MAX_VOICES, LiveVoices
from auricle.speakers.process import SpeakersDied
from auricle.speakers.turns import Turn
from auricle.speakers.words import attribute
from auricle.types import DecodeOptions, Pcm, SpeakerOptions

ENOUGH_S: Final = 2.0
"""Words of so many seconds are listened to before their sentence ends: shorter ones tell voices
apart less well."""

HEARD_S: Final = 10.0
"""Audio that is listened to, up to the last of the words: what the networks take in one piece."""

BEHIND_S: Final = 0.3
"""And so much behind it, as far as it was received."""

KEPT_S: Final = 40.0
"""Audio that is kept for that; words that come later have nobody's voice."""

LISTEN_MAX_S: Final = 10.0
"""How long words wait for their voice; then they have none."""

Listen = Callable[[Pcm], Awaitable[EmbeddedStretches]]
"""Who speaks in a piece of audio. Raises SpeakersDied or AuricleError."""

_log = logging.getLogger(__name__)


def with_speakers(stream: LiveStream, listen: Listen, options: SpeakerOptions | None) -> LiveStream:
    """The stream itself, or around it one whose words have speakers, as is wanted."""
    return stream if options is None else LiveSpeakers(stream, listen, options.at_most)


class LiveSpeakers:
    """A `LiveStream` around another."""

    def __init__(self, stream: LiveStream, listen: Listen, at_most: int | None = None) -> None:
        self._stream = stream
        self._listen = listen
        self._voices = LiveVoices(at_most or MAX_VOICES)
        self._audio = RecentAudio()
        self._held: list[LiveWord] = []
        """Committed words that nobody was told of."""
        self._committed: list[LiveWord] = []
        """Words of the turn that have their speaker."""
        self._turn: int | None = None
        """The one that both are of."""
        self._last: str | None = None
        """Who spoke last."""

    @property
    def now_s(self) -> float:
        return self._stream.now_s

    async def send(self, pcm: Pcm) -> None:
        self._audio.append(pcm)
        self._audio.drop_before(self._audio.now_s - KEPT_S)
        await self._stream.send(pcm)

    async def commit(self) -> None:
        await self._stream.commit()

    def clear(self) -> None:
        self._stream.clear()

    async def finish(self) -> None:
        await self._stream.finish()

    def configure(self, live: LiveOptions, options: DecodeOptions) -> None:
        self._stream.configure(live, options)

    async def __aiter__(self) -> AsyncIterator[Effect]:
        async for effect in self._stream:
            match effect:
                case Update():
                    yield await self._updated(effect)
                case Forgotten(turn):
                    if turn == self._turn:
                        self._held, self._committed = [], []
                    yield effect
                case TurnFinal() | TurnFailed():
                    for each in await self._over(effect):
                        yield each
                case _:
                    yield effect

    async def _updated(self, update: Update) -> Update:
        self._turn = update.turn
        self._held += update.committed
        committed = await self._labelled() if self._is_enough() else ()
        self._committed += committed
        return replace(update, committed=committed, tentative=(*self._held, *update.tentative))

    async def _over(self, effect: TurnFinal | TurnFailed) -> list[Effect]:
        """The end of a turn; before it, what nobody was told of its words."""
        self._held = list(effect.words[len(self._committed) :])
        rest = await self._labelled()
        words, self._committed = (*self._committed, *rest), []
        over = replace(effect, words=words)
        return [Update(effect.turn, rest, ()), over] if rest else [over]

    def _is_enough(self) -> bool:
        held = self._held
        if not held:
            return False
        return held[-1].end_s - held[0].start_s >= ENOUGH_S or ends_sentence(held[-1].text, "")

    async def _labelled(self) -> tuple[LiveWord, ...]:
        """The words that are held, with their speakers."""
        held, self._held = self._held, []
        if not held:
            return ()
        spoken = attribute(held, await self._turns(held))
        return tuple(
            self._named(word, each.speaker) for word, each in zip(held, spoken, strict=True)
        )

    def _named(self, word: LiveWord, number: int | None) -> LiveWord:
        self._last = self._last if number is None else letter(number)
        return msgspec.structs.replace(word, speaker=self._last)

    async def _turns(self, words: Sequence[LiveWord]) -> list[Turn]:
        """Who speaks while the words are said."""
        start_s, end_s = words[0].start_s, words[-1].end_s
        from_s = max(min(start_s, end_s - HEARD_S), self._audio.now_s - KEPT_S, 0.0)
        pcm = self._audio.between(from_s, end_s + BEHIND_S)
        if not len(pcm):
            return []
        try:
            async with asyncio.timeout(LISTEN_MAX_S):
                found = await self._listen(pcm)
        except (SpeakersDied, AuricleError, TimeoutError) as exc:
            _log.warning("voices between %.1f s and %.1f s were not told: %s", start_s, end_s, exc)
            return []
        turns = []
        for (first_s, last_s), embedding in zip(found.times_s, found.embeddings, strict=True):
            if from_s + last_s > start_s and from_s + first_s < end_s:
                voice = self._voices.label(embedding, last_s - first_s)
                turns.append(Turn(from_s + first_s, from_s + last_s, voice))
        return turns

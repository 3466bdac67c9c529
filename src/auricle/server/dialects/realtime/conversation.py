"""The items of one session: what its client is told as turns begin, grow and end.

Pure: effects of a live stream in, events out. Knows nothing about sockets or audio.

A turn is an item, from when somebody begins to speak. Where the client ends turns, what lies
between its commits is one item, however many turns that takes: a stream ends those that become too
long.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import msgspec

from auricle.errors import InvalidRequest
from auricle.live.effects import (
    Effect,
    Final,
    Forgotten,
    LiveWord,
    TurnEnded,
    TurnFailed,
    TurnStarted,
    Update,
)
from auricle.output.formats import SpokenLanguage, Usage, logprobs, words
from auricle.output.speaker_bodies import TIME_DECIMALS, UNKNOWN
from auricle.server.dialects.realtime.configuration import LOGPROBS, TENTATIVE, WORDS, Configuration
from auricle.server.dialects.realtime.events import (
    AudioContent,
    Committed,
    Completed,
    Delta,
    ErrorShape,
    Failed,
    Item,
    ItemAdded,
    ItemDeleted,
    ItemDone,
    ItemRetrieved,
    Segment,
    ServerEvent,
    SpeechStarted,
    SpeechStopped,
    Tentative,
    TimeoutTriggered,
)

MAX_ITEMS = 1000
"""Finished items that can be retrieved; older ones are forgotten."""


@dataclass(slots=True)
class _Spoken:
    """One item while it is spoken and read."""

    id: str
    start_s: float
    end_s: float = 0.0
    is_announced: bool = False
    """Whether the client was told that somebody began to speak."""
    is_committed: bool = False
    is_failed: bool = False
    n_turns: int = 0
    """Turns of it that are not final."""
    text: str = ""
    held: str = ""
    """White space behind the text, until something follows it."""
    n_segments: int = 0
    words: list[LiveWord] = field(default_factory=list)
    languages: dict[str, None] = field(default_factory=dict)

    def append(self, new: Sequence[LiveWord]) -> str:
        """Take words that are committed; what to append to the text the client has."""
        self.words += new
        spoken = self.held + "".join(word.text for word in new)
        spoken = spoken if self.text else spoken.lstrip()
        delta = spoken.rstrip()
        self.held = spoken[len(delta) :]
        self.text += delta
        return delta


class Conversation:
    """One session's items. ``offset_s``: what was said before the stream that is followed now."""

    def __init__(self, configuration: Configuration, new_id: Callable[[], str]) -> None:
        self.configuration = configuration
        self.offset_s = 0.0
        self.boundary_s = 0.0
        """Where the audio begins that belongs to no item yet, on the session's clock."""
        self._new_id = new_id
        self._current: _Spoken | None = None
        """The item that is being spoken."""
        self._by_turn: dict[int, _Spoken] = {}
        self._commits: list[float] = []
        """Where turns end because the client says so."""
        self._last_id: str | None = None
        self._done: OrderedDict[str, str | None] = OrderedDict()
        """Transcripts of items by id, None until they are known."""

    @property
    def is_speaking(self) -> bool:
        return self._current is not None

    def will_commit(self, end_s: float) -> None:
        """The client ends the turn that is open at ``end_s`` of the stream."""
        self._commits.append(end_s)

    def clear(self, now_s: float) -> None:
        """What came so far belongs to no item; the one that is spoken is forgotten as soon as the
        stream says so, behind what else it has to say."""
        self.boundary_s = now_s

    def _forget(self) -> None:
        """Forget the item that is being spoken."""
        forgotten, self._current = self._current, None
        self._by_turn = {t: item for t, item in self._by_turn.items() if item is not forgotten}

    def next_stream(self, offset_s: float) -> None:
        """Turns are numbered anew from here on."""
        self.offset_s = offset_s
        self._by_turn.clear()
        self._commits.clear()
        self._current = None

    def take(self, effect: Effect) -> list[ServerEvent]:
        """What the client is told."""
        if isinstance(effect, TurnStarted):
            return self._start(effect)
        if isinstance(effect, TurnEnded):
            return self._end(effect)
        if isinstance(effect, Forgotten):
            self._forget()
            return []
        item = self._by_turn.get(effect.turn) if hasattr(effect, "turn") else None
        if item is None:
            return []
        if isinstance(effect, Update):
            return self._grow(item, effect)
        if isinstance(effect, Final | TurnFailed):
            del self._by_turn[effect.turn]
            item.n_turns -= 1
            if isinstance(effect, Final) and effect.language is not None:
                item.languages[effect.language.code] = None
            failed = self._fail(item) if isinstance(effect, TurnFailed) else []
            return failed + self._completed(item)
        return []

    def over(self, end_s: float) -> list[ServerEvent]:
        """The stream has ended at ``end_s`` of its own time. What was spoken and is in no item yet,
        as its last turn became too long in a pause, is one now."""
        item = self._current
        if item is None:
            return []
        item.end_s = self.boundary_s = self.offset_s + end_s
        return self._commit(item) + self._completed(item)

    def timed_out(self, start_s: float, end_s: float) -> list[ServerEvent]:
        """Nobody has spoken for so long that an empty item is committed."""
        self._current = _Spoken(self._new_id(), start_s)
        return [
            TimeoutTriggered(
                audio_start_ms=_ms(start_s), audio_end_ms=_ms(end_s), item_id=self._current.id
            )
        ]

    def retrieve(self, item_id: str) -> ServerEvent:
        """An item that was committed. Raises `InvalidRequest` if there is none of that id."""
        self._check(item_id)
        return ItemRetrieved(item=_item(item_id, self._done[item_id]))

    def delete(self, item_id: str) -> ServerEvent:
        """Forget an item. Raises `InvalidRequest` if there is none of that id."""
        self._check(item_id)
        del self._done[item_id]
        return ItemDeleted(item_id=item_id)

    def _check(self, item_id: str) -> None:
        if item_id not in self._done:
            raise InvalidRequest(
                f"Item with item_id '{item_id[:80]}' does not exist in this conversation.",
                param="item_id",
                code="item_not_found",
            )

    def _start(self, started: TurnStarted) -> list[ServerEvent]:
        start_s = self.offset_s + started.start_s
        item = self._joined(started.turn, start_s)
        if self.configuration.turn_detection is None or item.is_announced:
            return []
        item.is_announced = True
        return [SpeechStarted(audio_start_ms=_ms(start_s), item_id=item.id)]

    def _joined(self, turn: int, start_s: float) -> _Spoken:
        """The item that a turn belongs to: the one being spoken, or another."""
        if self._current is None:
            self._current = _Spoken(self._new_id(), start_s)
        self._by_turn[turn] = self._current
        self._current.n_turns += 1
        return self._current

    def _end(self, ended: TurnEnded) -> list[ServerEvent]:
        item = self._by_turn.get(ended.turn)
        if item is None:  # nobody spoke
            item = self._joined(ended.turn, self.offset_s + ended.start_s)
        is_by_client = ended.end_s in self._commits
        if is_by_client:
            self._commits = [end_s for end_s in self._commits if end_s > ended.end_s]
        elif self.configuration.turn_detection is None:
            return []  # it became too long, and the item goes on
        item.end_s = self.offset_s + ended.end_s
        self.boundary_s = max(self.boundary_s, item.end_s)
        events: list[ServerEvent] = []
        if item.is_announced and not is_by_client:
            events.append(SpeechStopped(audio_end_ms=_ms(item.end_s), item_id=item.id))
        return events + self._commit(item)

    def _commit(self, item: _Spoken) -> list[ServerEvent]:
        item.is_committed, self._current = True, None
        previous, self._last_id = self._last_id, item.id
        self._done[item.id] = None
        while len(self._done) > MAX_ITEMS:
            self._done.popitem(last=False)
        shown = _item(item.id, None)
        return [
            Committed(item_id=item.id, previous_item_id=previous),
            ItemAdded(previous_item_id=previous, item=shown),
            ItemDone(previous_item_id=previous, item=shown),
        ]

    def _grow(self, item: _Spoken, update: Update) -> list[ServerEvent]:
        if self.configuration.transcription is None:
            return []
        events: list[ServerEvent] = []
        if delta := item.append(update.committed):
            shown = _details(update.committed, self.configuration.include, self.offset_s)
            events.append(Delta(item_id=item.id, delta=delta, logprobs=shown[0], words=shown[1]))
        if self.configuration.shows_speakers:
            events += _segments(item, update.committed, self.offset_s)
        if TENTATIVE in self.configuration.include:
            tentative = "".join(word.text for word in update.tentative)
            events.append(Tentative(item_id=item.id, text=tentative))
        return events

    def _completed(self, item: _Spoken) -> list[ServerEvent]:
        if not item.is_committed or item.n_turns:
            return []
        if item.id in self._done:
            self._done[item.id] = item.text
        if self.configuration.transcription is None or item.is_failed:
            return []
        shown = _details(item.words, self.configuration.include, self.offset_s)
        return [
            Completed(
                item_id=item.id,
                transcript=item.text,
                languages=tuple(SpokenLanguage(code) for code in item.languages),
                logprobs=shown[0],
                words=shown[1],
                usage=Usage(math.ceil(max(0.0, item.end_s - item.start_s))),
            )
        ]

    def _fail(self, item: _Spoken) -> list[ServerEvent]:
        """The words so far stay; that the rest could not be read is told once."""
        was_failed, item.is_failed = item.is_failed, True
        if was_failed or self.configuration.transcription is None:
            return []
        error = ErrorShape(
            type="server_error",
            code=None,
            message=f"Input transcription failed for item '{item.id}'.",
            param=None,
        )
        return [Failed(item_id=item.id, error=error)]


def _segments(item: _Spoken, spoken: Sequence[LiveWord], offset_s: float) -> Iterator[Segment]:
    """One for each time that another one speaks."""
    for speaker, run in groupby(spoken, key=lambda word: word.speaker):
        words_of_one = list(run)
        item.n_segments += 1
        yield Segment(
            id=f"seg_{item.n_segments - 1}",
            item_id=item.id,
            text="".join(word.text for word in words_of_one),
            speaker=speaker or UNKNOWN,
            start=round(offset_s + words_of_one[0].start_s, TIME_DECIMALS),
            end=round(offset_s + words_of_one[-1].end_s, TIME_DECIMALS),
        )


def _details(spoken: Sequence[LiveWord], include: Sequence[str], offset_s: float):  # type: ignore[no-untyped-def]  # noqa: ANN202  # two unions as long as this function
    """Tokens and words, as far as they are wanted."""
    tokens = [token for word in spoken for token in word.tokens]
    moved = [
        msgspec.structs.replace(word, start_s=word.start_s + offset_s, end_s=word.end_s + offset_s)
        for word in spoken
    ]
    return (
        logprobs(tokens) if LOGPROBS in include else msgspec.UNSET,
        words(moved) if WORDS in include else msgspec.UNSET,
    )


def _item(item_id: str, transcript: str | None) -> Item:
    return Item(item_id, (AudioContent(transcript),))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

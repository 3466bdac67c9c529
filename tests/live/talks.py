"""Talks in which anything may be said, read by a model that makes every mistake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import msgspec
import numpy as np

from auricle.live.effects import Effect, LiveWord, ReadRequest, ReadResult, ReadWanted
from auricle.live.options import LiveOptions
from auricle.live.session import LiveSession
from auricle.live.turns import TurnOptions
from auricle.types import Language, Token

TEXT = ("ask", "not", "what", "your", "country", "can", "do", "yes", "no", "so.", "Right?")
HOP = 4
"""Frames that are pushed at a time."""


@dataclass(frozen=True)
class Received:
    """So much audio has come."""

    now_s: float


@dataclass(frozen=True)
class Committed:
    """The client ends the turn here."""

    at_s: float


@dataclass(frozen=True)
class Closed:
    """There is no more audio."""

    at_s: float


Step: TypeAlias = Effect | Received | Committed | Closed


class Talk:
    """One talk; iterate over it, once."""

    def __init__(self, seed: int, ending: str, language: str | None) -> None:
        self._random = Random(seed)
        turns = TurnOptions(ending=ending, longest_s=6.0)  # type: ignore[arg-type]  # a literal
        self._live = LiveSession(LiveOptions(turns=turns, language=language))
        self._said: list[tuple[str, float, float]] = []
        self._request: ReadRequest | None = None

    def __iter__(self) -> Iterator[Step]:
        live, random = self._live, self._random
        for _ in range(8):
            is_speech = random.random() < 0.6
            seconds = random.choice((0.3, 0.8, 3.0, 7.0) if is_speech else (0.1, 0.3, 1.0, 6.0))
            if is_speech:
                self._speak(live.now_s, live.now_s + seconds)
            for _ in range(round(seconds * 16_000 / 512 / HOP)):
                found = [0.9 if is_speech else 0.1] * HOP
                yield from self._told(live.push(np.zeros(512 * HOP, np.float32), found))
                yield Received(live.now_s)
                yield from self._read()
                if random.random() < 0.01:
                    yield Committed(live.now_s)
                    yield from self._told(live.commit())
        yield Closed(live.now_s)
        yield from self._told(live.finish())
        while not live.is_idle:
            yield from self._read()

    def _speak(self, start_s: float, stop_s: float) -> None:
        while start_s < stop_s:
            end_s = start_s + self._random.uniform(0.1, 0.45)
            self._said.append((self._random.choice(TEXT), start_s, end_s))
            start_s = end_s

    def _told(self, effects: list[Effect]) -> Iterator[Effect]:
        return (effect for effect in effects if not isinstance(effect, ReadWanted))

    def _read(self) -> Iterator[Effect]:
        """Begin what is due, and answer what was begun, perhaps."""
        self._request = self._live.next_read() or self._request
        if self._request is None or self._random.random() < 0.3:
            return iter(())
        request, self._request = self._request, None
        if self._random.random() < 0.03:
            return self._told(self._live.fail(request.id, "it died"))
        return self._told(self._live.answer(request.id, self._heard(request)))

    def _heard(self, request: ReadRequest) -> ReadResult:
        random, at_s, found = self._random, request.start_s, []
        inside = [each for each in self._said if request.start_s <= each[1] < request.end_s]
        for text, start_s, end_s in self._mistaken(inside[len(request.prefix) :]):
            start_s = max(at_s, start_s + random.uniform(-0.15, 0.15))
            at_s = max(start_s + 0.01, min(end_s, request.end_s))
            word = LiveWord(f" {text}", start_s, at_s, random.choice((0.2, 0.9)))
            tokens = (Token(len(text), text.encode(), -0.1),)
            found.append(msgspec.structs.replace(word, tokens=tokens))
        probability = None if request.language else random.choice((0.3, 0.6, 0.99))
        code = request.language or random.choice(("en", "en", "es"))
        return ReadResult(tuple(found), Language(code, probability))

    def _mistaken(self, said: list[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
        """With words left out or misheard, and now and then a loop, an echo or nothing."""
        random = self._random
        found = [
            (text + random.choice(("", "", "", "x")), start_s, end_s)
            for text, start_s, end_s in said
            if random.random() > 0.06
        ]
        stop_s = found[-1][2] if found else 0.0
        loop = [("em", stop_s + i * 0.3, stop_s + i * 0.3 + 0.3) for i in range(20)]
        echo = [(text, stop_s, stop_s + 0.03) for text, *_ in found[-3:]]
        return random.choice(([], found + loop, found + echo, *[found] * 17))

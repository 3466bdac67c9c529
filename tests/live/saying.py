"""Words, hypotheses and speech for scripted sessions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auricle.live.commit import CommitRule
from auricle.live.effects import Effect, LiveWord, ReadRequest, ReadResult
from auricle.live.options import LiveOptions
from auricle.live.session import LiveSession
from auricle.live.turns import TurnOptions
from auricle.types import Language, Token

EN = Language("en")
NOTHING = ReadResult((), EN)

HOP = 4
"""Frames pushed at a time: 128 ms."""


def words(text: str, start_s: float = 0.0, each_s: float = 0.3) -> tuple[LiveWord, ...]:
    """The words of ``text``, each so long, one behind the other from ``start_s`` on. A word's token
    is its length."""
    return tuple(
        LiveWord(
            text=" " + word,
            start_s=round(start_s + i * each_s, 3),
            end_s=round(start_s + (i + 1) * each_s, 3),
            probability=0.9,
            tokens=(Token(len(word), word.encode(), -0.1),),
        )
        for i, word in enumerate(text.split())
    )


def heard(text: str, start_s: float = 0.0, language: Language | None = None) -> ReadResult:
    return ReadResult(words(text, start_s), language or EN)


def text(found: Sequence[LiveWord]) -> str:
    return "".join(word.text for word in found).strip()


def frames(seconds: float) -> int:
    return round(seconds * 16_000 / 512)


def feed(session: LiveSession, seconds: float, probability: float) -> list[Effect]:
    """Push audio in which speech is that probable, hop by hop; all the effects."""
    effects: list[Effect] = []
    left = frames(seconds)
    while left:
        n = min(HOP, left)
        effects += session.push(np.zeros(512 * n, np.float32), [probability] * n)
        left -= n
    return effects


def speak(session: LiveSession, seconds: float) -> list[Effect]:
    return feed(session, seconds, 0.9)


def pause(session: LiveSession, seconds: float) -> list[Effect]:
    return feed(session, seconds, 0.02)


def session(language: str | None = "en", **turns) -> LiveSession:
    """A session whose times are easily counted; 0.64 s of silence end a turn."""
    return LiveSession(
        LiveOptions(
            turns=TurnOptions(**({"prefix_padding_s": 0.32, "silence_s": 0.64} | turns)),
            language=language,
            rule=CommitRule(border_s=0.5),
            interval_s=0.3,
            lead_s=0.0,
            early_final_s=0.3,
        )
    )


def begun(live: LiveSession) -> ReadRequest:
    request = live.next_read()
    assert request is not None
    return request


def read(live: LiveSession, said: str, start_s: float) -> list[Effect]:
    """Begin what is due, and answer at once."""
    return live.answer(begun(live).id, heard(said, start_s))

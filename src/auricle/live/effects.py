"""What goes into a live session and what comes out of it: plain frozen values.

Knows nothing about sockets, queues or dialects. Times are seconds since the stream began, counted
in samples received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from auricle.types import Language, Pcm, Token, Word

Kind = Literal["partial", "final"]


class LiveWord(Word, frozen=True):
    """A word with the tokens it was decoded as: what later readings are forced to begin with."""

    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Audio to be read now; the answer is a `ReadResult` under the same id.

    ``partial``: one search, with less silence behind the audio. ``final``: as well as can be.
    """

    id: int
    turn: int
    kind: Kind
    start_s: float
    end_s: float
    pcm: Pcm
    """The audio in between."""
    prefix: tuple[int, ...]
    """Tokens of the words committed in this audio: the text begins with them."""
    draft: tuple[int, ...]
    """Tokens the text probably goes on with: those of the hypothesis before."""
    context: str
    """The text committed before this audio."""
    language: str | None
    """None: detect it."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What was read behind the prefix, with times of the stream. Empty if nobody speaks."""

    words: tuple[LiveWord, ...]
    language: Language


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """Somebody speaks; the turn's audio begins at ``start_s``, which includes the padding."""

    turn: int
    start_s: float


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """Nobody has spoken since ``speech_end_s``; the turn goes on until it is ended."""

    turn: int
    speech_end_s: float


@dataclass(frozen=True, slots=True)
class EndOfTurnPredicted:
    """The end-of-turn model says how probable it is that the speaker has finished."""

    turn: int
    end_probability: float


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The speaker of the turn goes on."""

    turn: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn's audio is complete; its `Final` follows."""

    turn: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The client does not want what was open: nothing more is told of that ``turn``, if it was
    one."""

    turn: int | None


@dataclass(frozen=True, slots=True)
class ReadWanted:
    """`LiveSession.next_read` has something to read."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Update:
    """The text of the turn as it is now: ``committed`` follows what was committed before and never
    changes, ``tentative`` is all that seems to be said behind it."""

    turn: int
    committed: tuple[LiveWord, ...]
    tentative: tuple[LiveWord, ...]


@dataclass(frozen=True, slots=True)
class Final:
    """The whole turn: exactly the words committed. ``language`` is None where nothing was said."""

    turn: int
    start_s: float
    end_s: float
    words: tuple[LiveWord, ...]
    language: Language | None


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The end of the turn could not be read, however often it was tried; ``words`` is all there
    is."""

    turn: int
    start_s: float
    end_s: float
    words: tuple[LiveWord, ...]
    reason: str


Effect: TypeAlias = (
    TurnStarted
    | SpeechPaused
    | EndOfTurnPredicted
    | SpeechResumed
    | TurnEnded
    | Forgotten
    | ReadWanted
    | Update
    | Final
    | TurnFailed
)

"""One Wyoming command: what is to be transcribed how, and the events its text becomes.

Knows nothing about connections or audio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from auricle.errors import AuricleError, InvalidRequest
from auricle.fields.kinds import Terms
from auricle.fields.table import BY_NAME
from auricle.live import effects
from auricle.live.effects import Effect
from auricle.live.options import LiveOptions
from auricle.live.turns import TurnOptions
from auricle.server.dialects.shared import SERVED_MODEL
from auricle.server.fields import audio_request
from auricle.server.wyoming.wire import Data, event_bytes
from auricle.settings.config import Settings
from auricle.types import DecodeOptions, Word

SILENCE_S: Final = {"aggressive": 0.25, "default": 0.7, "relaxed": 1.25}
"""Silence that ends a command, by how soon its client wants it to: as long as Home Assistant itself
waits."""


class Transcribe(msgspec.Struct, frozen=True):
    """The data of a ``transcribe`` event, as far as it is looked at."""

    name: str | None = None
    language: str | None = None
    vad_sensitivity: str | None = None
    transcript_names: tuple[str, ...] | None = None
    transcript_terms: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """``ends_itself``: it is over when its speaker has finished, or its client says so before."""

    model: str
    options: DecodeOptions
    live: LiveOptions
    ends_itself: bool

    @classmethod
    def of(cls, data: Data, settings: Settings) -> Command:
        """What a ``transcribe`` event asks for. Raises `InvalidRequest`."""
        try:
            asked = msgspec.convert(data, Transcribe)
        except msgspec.ValidationError as exc:
            raise InvalidRequest(f"transcribe: {exc}.") from exc
        pairs = [("model", asked.name or SERVED_MODEL)]
        if asked.language:
            pairs.append(("language", asked.language))
        terms = (*(asked.transcript_names or ()), *(asked.transcript_terms or ()))
        pairs += [("keywords[]", term) for term in _fitting(terms)]
        request = audio_request.parse(pairs, "transcribe", settings)
        sensitivity = asked.vad_sensitivity or ("default" if settings.wyoming_vad else "")
        if sensitivity and sensitivity not in SILENCE_S:
            raise InvalidRequest(
                f"transcribe: 'vad_sensitivity' is {sensitivity!r}; it must be one of "
                f"{', '.join(SILENCE_S)}.",
                param="vad_sensitivity",
            )
        turns = TurnOptions(
            ending="silence" if sensitivity else "manual",
            threshold=request.options.vad_threshold,
            silence_s=SILENCE_S.get(sensitivity, 0.0),
        )
        live = LiveOptions(turns, language=request.options.language)
        return cls(request.model, request.options, live, bool(sensitivity))


class Transcript:
    """The text of a command as it comes."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._ended = ""
        """The text of the turns that are final."""
        self._open: list[Word] = []
        """The words committed in the turn that is not."""
        self._n_sent = 0
        self._has_begun = False
        self._language: str | None = None

    def take(self, effect: Effect) -> Iterator[bytes]:
        """Take what became of the audio; the events that tell it.

        Raises:
            AuricleError: part of it could not be read.
        """
        if isinstance(effect, effects.TurnFailed):
            raise AuricleError(f"The command could not be read: {effect.reason}")
        if isinstance(effect, effects.Update):
            self._open += effect.committed
        elif isinstance(effect, effects.Final):
            self._ended += _text(effect.words)
            self._open.clear()
            if effect.language is not None:
                self._language = effect.language.code
        yield from self._news()

    @property
    def is_over(self) -> bool:
        """Whether the speaker has finished, as far as that ends the command."""
        return self._command.ends_itself and bool(self._ended.strip())

    def end(self) -> Iterator[bytes]:
        """The events that end it."""
        yield from self._begin()
        data = {"text": self._text, "language": self._language or self._command.options.language}
        yield event_bytes("transcript", data)
        yield event_bytes("transcript-stop", {})

    @property
    def _text(self) -> str:
        return (self._ended + _text(self._open)).strip()

    def _news(self) -> Iterator[bytes]:
        text = self._text
        if len(text) > self._n_sent:
            yield from self._begin()
            yield event_bytes("transcript-chunk", {"text": text[self._n_sent :]})
            self._n_sent = len(text)

    def _begin(self) -> Iterator[bytes]:
        if not self._has_begun:
            self._has_begun = True
            yield event_bytes("transcript-start", {"language": self._command.options.language})


def _text(words: Iterable[Word]) -> str:
    return "".join(word.text for word in words)


def _fitting(terms: Iterable[str]) -> list[str]:
    """As many terms as a request may have: a house has more names than a model can heed."""
    kind = BY_NAME["keywords"].kind
    assert isinstance(kind, Terms)
    found: list[str] = []
    n_chars = 0
    for term in dict.fromkeys(each.strip() for each in terms):
        n_chars += len(term)
        if n_chars > kind.max_chars or len(found) == kind.max_items:
            break
        if term:
            found.append(term)
    return found

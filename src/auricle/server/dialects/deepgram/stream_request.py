"""What the client of a live stream asks for, by the parameters of its address.

Knows nothing about sockets or models.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from auricle.live.options import LiveOptions
from auricle.live.turns import TurnOptions
from auricle.server.dialects.deepgram import parameters
from auricle.server.dialects.deepgram.formatting import Formatting
from auricle.server.dialects.deepgram.query import Query, as_flag, refuse
from auricle.server.dialects.deepgram.raw_format import RawFormat, stream_format
from auricle.server.fields.audio_request import Pairs
from auricle.settings.config import Settings
from auricle.types import DecodeOptions

PARAMETERS: Final = parameters.SHARED | {
    "detect_language",
    "endpointing",
    "interim_results",
    "redemption_time_ms",
    "search",
    "utterance_end_ms",
    "vad_events",
}
"""What is known of live streams; the rest is ignored."""

DEEPGRAMS_ENDPOINTING_MS: Final = 10
"""Deepgram's own default stands for the one here: Whisper needs more silence to tell a pause."""

MIN_SILENCE_S: Final = 0.3
MAX_SILENCE_MS: Final = 60_000

MIN_UTTERANCE_END_MS: Final = 1000
MAX_UTTERANCE_END_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """What the client wants to be told."""

    formatting: Formatting = field(default_factory=Formatting)
    interim_results: bool = False
    endpointing: bool = True
    """Whether the end of speech is told."""
    utterance_end_s: float | None = None
    vad_events: bool = False
    language: str | None = None
    """The one that is spoken, where that is known before."""
    languages: bool = False
    """Whether words tell their language: it is known once their turn is over."""
    searches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a live stream is to be."""

    model: str
    options: DecodeOptions
    live: LiveOptions
    results: ResultOptions
    raw_format: RawFormat | None
    """None: the audio says itself how it is written."""
    multichannel: bool
    extra: dict[str, str]
    ignored: tuple[str, ...]

    @property
    def n_streams(self) -> int:
        """How many are followed: one, or one for each channel."""
        return self.raw_format.n_channels if self.raw_format and self.multichannel else 1

    @classmethod
    def read(cls, pairs: Pairs, settings: Settings) -> StreamRequest:
        """Raises `InvalidRequest` for what is not allowed, or cannot be done here."""
        query = Query(pairs)
        parameters.refuse_unsupported(query)
        written = stream_format(query)
        multichannel = query.flag("multichannel")
        if multichannel and (written is None or written.is_packets):
            refuse("multichannel", "true", "false unless 'encoding' is one of raw samples")
        language_choice = parameters.language_choice(query, settings)
        request = parameters.request(query, language_choice, settings)
        silence_s = _silence_s(query)
        turns = TurnOptions(threshold=settings.vad_threshold)
        if silence_s:
            turns = TurnOptions(threshold=settings.vad_threshold, silence_s=silence_s)
        return cls(
            model=request.model,
            options=request.options,
            live=LiveOptions(turns=turns, language=request.options.language),
            results=ResultOptions(
                formatting=parameters.formatting(query),
                interim_results=query.flag("interim_results"),
                endpointing=silence_s != 0,
                utterance_end_s=_utterance_end_s(query),
                vad_events=query.flag("vad_events"),
                language=request.options.language,
                languages=language_choice.is_multi,
                searches=parameters.searches(query),
            ),
            raw_format=written,
            multichannel=multichannel,
            extra=parameters.extra(query),
            ignored=tuple(name for name in query.names() if name not in PARAMETERS),
        )


def _silence_s(query: Query) -> float | None:
    """The silence that ends speech; None for the usual one, 0 for none."""
    name = "endpointing" if query.text("endpointing") else "redemption_time_ms"
    value = query.text(name)
    if value is None or as_flag(value) is True:
        return None
    if as_flag(value) is False:
        return 0.0
    given_ms = query.number(name, 0, MAX_SILENCE_MS) or 0.0
    if given_ms == DEEPGRAMS_ENDPOINTING_MS:
        return None
    return max(given_ms / 1000, MIN_SILENCE_S) if given_ms else 0.0


def _utterance_end_s(query: Query) -> float | None:
    value = query.text("utterance_end_ms")
    if value is None or as_flag(value) is False:
        return None
    given_ms = query.number("utterance_end_ms", MIN_UTTERANCE_END_MS, MAX_SILENCE_MS)
    return None if given_ms is None else min(given_ms / 1000, MAX_UTTERANCE_END_S)

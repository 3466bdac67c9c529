"""What the client of ``/v2/listen`` asks for, by the parameters of its address.

Knows nothing about sockets or models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from auricle.errors import InvalidRequest
from auricle.live.options import LiveOptions
from auricle.live.turns import TurnOptions
from auricle.server.dialects.deepgram import parameters
from auricle.server.dialects.deepgram.flux import DEFAULT_THRESHOLD, DEFAULT_TIMEOUT_S, FluxOptions
from auricle.server.dialects.deepgram.flux_messages import FluxConfigure, Thresholds
from auricle.server.dialects.deepgram.formatting import Formatting
from auricle.server.dialects.deepgram.parameters import LanguageChoice
from auricle.server.dialects.deepgram.query import Query
from auricle.server.dialects.deepgram.raw_format import RawFormat, stream_format
from auricle.server.fields.audio_request import Pairs
from auricle.server.fields.values import language_code
from auricle.settings.config import Settings
from auricle.types import DecodeOptions

PARAMETERS: Final = frozenset(
    {
        "eager_eot_threshold",
        "encoding",
        "eot_threshold",
        "eot_timeout_ms",
        "keyterm",
        "language_hint",
        "mip_opt_out",
        "model",
        "numerals",
        "profanity_filter",
        "redact",
        "sample_rate",
        "tag",
    }
)
"""What is known; the rest is ignored."""

MULTI: Final = "-multi"
"""How the name of the model ends that detects the language."""

THRESHOLDS: Final = (0.5, 0.9)
EAGER_THRESHOLDS: Final = (0.3, 0.9)
TIMEOUTS_MS: Final = (500, 10_000)


@dataclass(frozen=True, slots=True)
class FluxRequest:
    """What the turns of a stream are to be."""

    model: str
    options: DecodeOptions
    turns: FluxOptions
    formatting: Formatting
    vad_threshold: float
    raw_format: RawFormat | None
    ignored: tuple[str, ...]

    @classmethod
    def read(cls, pairs: Pairs, settings: Settings) -> FluxRequest:
        """Raises `InvalidRequest` for what is not allowed, or cannot be done here."""
        query = Query(pairs)
        parameters.refuse_unsupported(query)
        hints = query.texts("language_hint")
        is_multi = parameters.model(query).lower().endswith(MULTI) or bool(hints)
        language_choice = (
            LanguageChoice(among=hints) if is_multi else LanguageChoice(settings.language or "en")
        )
        request = parameters.request(query, language_choice, settings)
        eager = query.number("eager_eot_threshold", *EAGER_THRESHOLDS)
        threshold = query.number("eot_threshold", *THRESHOLDS)
        timeout_ms = query.number("eot_timeout_ms", *TIMEOUTS_MS)
        turns = FluxOptions(
            threshold or DEFAULT_THRESHOLD,
            eager,
            timeout_ms / 1000 if timeout_ms else DEFAULT_TIMEOUT_S,
            request.options.language,
        )
        _check(turns)
        return cls(
            model=request.model,
            options=request.options,
            turns=turns,
            formatting=Formatting(punctuate=True, profanity_filter=query.flag("profanity_filter")),
            vad_threshold=settings.vad_threshold,
            raw_format=stream_format(query),
            ignored=tuple(name for name in query.names() if name not in PARAMETERS),
        )

    @property
    def n_streams(self) -> int:
        return 1

    @property
    def live(self) -> LiveOptions:
        """How the stream is read."""
        turns = TurnOptions(
            ending="semantic",
            threshold=self.vad_threshold,
            max_wait_s=self.turns.timeout_s,
            end_probability=self.turns.threshold,
        )
        return LiveOptions(turns=turns, language=self.turns.language)

    @property
    def thresholds(self) -> Thresholds:
        turns = self.turns
        timeout_ms = round(turns.timeout_s * 1000)
        return Thresholds(turns.eager_threshold, turns.threshold, timeout_ms)

    def configured(self, message: FluxConfigure) -> FluxRequest:
        """With other options. Raises `InvalidRequest` for what is not allowed."""
        turns, options = self.turns, self.options
        if (given := message.thresholds) is not None:
            turns = replace(
                turns,
                threshold=_given("eot_threshold", given.eot_threshold, THRESHOLDS)
                or turns.threshold,
                eager_threshold=_given(
                    "eager_eot_threshold", given.eager_eot_threshold, EAGER_THRESHOLDS
                )
                or turns.eager_threshold,
                timeout_s=(_given("eot_timeout_ms", given.eot_timeout_ms, TIMEOUTS_MS) or 0) / 1000
                or turns.timeout_s,
            )
            _check(turns)
        if message.keyterms is not None:
            parameters.check_terms("keyterms", message.keyterms)
            options = replace(options, keywords=message.keyterms)
        if message.language_hints is not None:
            codes = (language_code("language_hints", each) for each in message.language_hints)
            options = replace(options, language=None, languages=tuple(dict.fromkeys(codes)))
            turns = replace(turns, language=None)
        return replace(self, turns=turns, options=options)


def _check(turns: FluxOptions) -> None:
    eager = turns.eager_threshold
    if eager is not None and eager > turns.threshold:
        raise InvalidRequest(
            f"Invalid 'eager_eot_threshold' value of '{eager:g}'. Allowed is at most "
            f"'eot_threshold', {turns.threshold:g}.",
            param="eager_eot_threshold",
            code="invalid_value",
        )


def _given(name: str, value: float | None, bounds: tuple[float, float]) -> float | None:
    """A number of a message, checked as one of the address is."""
    return None if value is None else Query([(name, f"{value:g}")]).number(name, *bounds)

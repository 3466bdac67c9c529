"""How a session listens and transcribes, and how a client changes that.

Knows nothing about sockets or how it is shown. What a client leaves out stays as it is; null turns
off; and of a change with one bad field nothing is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

from auricle.errors import InvalidRequest
from auricle.fields.kinds import Terms
from auricle.fields.table import BY_NAME
from auricle.live.commit import CommitRule
from auricle.live.options import LiveOptions
from auricle.live.pcm import Encoding, PcmFormat
from auricle.live.turns import TurnOptions
from auricle.server.dialects.realtime.fields import Fields
from auricle.server.fields.audio_request import decode_options
from auricle.server.fields.values import check_terms, language_code
from auricle.settings.config import Settings
from auricle.types import DecodeOptions, SpeakerOptions

RATE = 24_000
"""Of ``audio/pcm``, samples a second: the one rate of OpenAI's API."""

_TELEPHONE: Mapping[str, Encoding] = {"audio/pcmu": "mulaw", "audio/pcma": "alaw"}

STREAMING_MODELS = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""Clients end the turns of these themselves: unless they say otherwise, nothing else does."""

LOGPROBS = "item.input_audio_transcription.logprobs"
WORDS = "item.input_audio_transcription.words"
TENTATIVE = "item.input_audio_transcription.tentative"
SEGMENTS = "item.input_audio_transcription.segments"
INCLUDABLE = (LOGPROBS, WORDS, TENTATIVE, SEGMENTS)
"""What events may also have, or which are sent besides; all but the first are ours."""

EAGERNESS: Mapping[str, float] = {"low": 8.0, "medium": 4.0, "auto": 4.0, "high": 2.0}
"""Silence that ends a turn whatever the model of turn taking says, seconds."""

DELAY: Mapping[str, float] = {"minimal": 0.3, "low": 0.5, "medium": 0.7, "high": 1.0, "xhigh": 1.5}
"""How far a word lies behind the edge of the audio before it is written, seconds."""

NOISES = ("near_field", "far_field")

MODEL_PATH = "session.audio.input.transcription.model"

MAX_MODEL_CHARS = 256
MAX_PROMPT_CHARS = 16_384
MAX_LANGUAGES = 100
MAX_KEYWORD_CHARS = 1000
MAX_PADDING_MS = 10_000
MAX_SILENCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Transcription:
    """What is asked of the text."""

    model: str | None = None
    language: str | None = None
    languages: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    prompt: str | None = None
    delay: str | None = None

    @property
    def is_streaming(self) -> bool:
        return (self.model or "").startswith(STREAMING_MODELS)


@dataclass(frozen=True, slots=True)
class NoiseReduction:
    """Taken and told, without effect: speech is told from noise in any case."""

    type: str
    strength: float | None = None


@dataclass(frozen=True, slots=True)
class ServerVad:
    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 200
    idle_timeout_ms: int | None = None
    type: Literal["server_vad"] = "server_vad"


@dataclass(frozen=True, slots=True)
class SemanticVad:
    eagerness: str = "auto"
    type: Literal["semantic_vad"] = "semantic_vad"


TurnDetection: TypeAlias = ServerVad | SemanticVad


@dataclass(frozen=True, slots=True)
class Configuration:
    """One session's. ``transcription`` None: turns are told apart, and there is no text."""

    format: str = "audio/pcm"
    transcription: Transcription | None = Transcription()
    noise_reduction: NoiseReduction | None = None
    given_turn_detection: TurnDetection | Literal["default"] | None = "default"
    include: tuple[str, ...] = ()

    @property
    def turn_detection(self) -> TurnDetection | None:
        """What ends turns; None: the client."""
        if self.given_turn_detection != "default":
            return self.given_turn_detection
        is_streaming = self.transcription is not None and self.transcription.is_streaming
        return None if is_streaming else ServerVad()

    @property
    def shows_speakers(self) -> bool:
        """Whether segments with their speakers are sent."""
        return SEGMENTS in self.include

    def is_other(self, before: Configuration) -> bool:
        """Whether a stream that was opened for another configuration cannot go on."""
        return self.shows_speakers != before.shows_speakers

    @property
    def pcm_format(self) -> PcmFormat:
        encoding = _TELEPHONE.get(self.format)
        return PcmFormat("s16le", RATE) if encoding is None else PcmFormat(encoding, 8000)

    @property
    def model(self) -> str:
        """The name of the model; empty is the one the server was started with."""
        return (self.transcription and self.transcription.model) or ""

    def live_options(self) -> LiveOptions:
        """How the stream is followed."""
        asked = self.transcription or Transcription()
        return LiveOptions(
            turns=self._turns(),
            language=asked.language,
            rule=CommitRule(border_s=DELAY[asked.delay or "medium"]),
        )

    def decode_options(self, settings: Settings) -> DecodeOptions:
        """How its windows are decoded."""
        asked = asdict(self.transcription or Transcription())
        options = decode_options(asked, settings)
        return replace(options, speakers=SpeakerOptions() if self.shows_speakers else None)

    def _turns(self) -> TurnOptions:
        match self.turn_detection:
            case None:
                return TurnOptions(ending="manual")
            case SemanticVad(eagerness):
                return TurnOptions(ending="semantic", max_wait_s=EAGERNESS[eagerness])
            case ServerVad(threshold, padding_ms, silence_ms):
                return TurnOptions(
                    threshold=threshold,
                    prefix_padding_s=padding_ms / 1000,
                    silence_s=silence_ms / 1000,
                )


def updated(before: Configuration, session: Fields) -> Configuration:
    """The configuration after a ``session.update``.

    Raises:
        InvalidRequest: a field is unknown, or its value not allowed; the error names it.
    """
    kind = session.choice("type", ("transcription", "realtime"))
    if kind == "realtime":
        raise InvalidRequest(
            "Passing a realtime session update event to a transcription session is not allowed.",
            param=session.at("type"),
            code="invalid_parameter",
        )
    session.known("type", "audio", "include", "id", "object", "expires_at")
    after = before
    if not session.is_null("audio"):
        audio = session.fields("audio")
        audio.known("input")
        if not audio.is_null("input"):
            after = _with_input(after, audio.fields("input"))
    if "include" in session:
        after = replace(after, include=_include(session))
    return after


def _include(session: Fields) -> tuple[str, ...]:
    items = session.texts("include", len(INCLUDABLE), MAX_MODEL_CHARS)
    for i, item in enumerate(items):
        Fields({str(i): item}, session.at("include")).choice(str(i), INCLUDABLE)
    return tuple(dict.fromkeys(items))


def _with_input(before: Configuration, given: Fields) -> Configuration:
    given.known("format", "transcription", "noise_reduction", "turn_detection")
    after = before
    if not given.is_null("format"):
        after = replace(after, format=_format(given.fields("format")))
    if "transcription" in given:
        asked = None
        if not given.is_null("transcription"):
            asked = _transcription(before.transcription, given.fields("transcription"))
        after = replace(after, transcription=asked)
    if "noise_reduction" in given:
        noise = None
        if not given.is_null("noise_reduction"):
            noise = _noise_reduction(before.noise_reduction, given.fields("noise_reduction"))
        after = replace(after, noise_reduction=noise)
    if "turn_detection" in given:
        ending = None
        if not given.is_null("turn_detection"):
            ending = _turn_detection(before.turn_detection, given.fields("turn_detection"))
        after = replace(after, given_turn_detection=ending)
    return after


def _format(given: Fields) -> str:
    kind = given.choice("type", ("audio/pcm", *_TELEPHONE))
    given.known("type", "rate")
    rate = RATE if kind == "audio/pcm" else 8000
    given.integer("rate", (rate, rate), rate)
    return kind


def _transcription(before: Transcription | None, given: Fields) -> Transcription:
    given.known("model", "language", "languages", "keywords", "prompt", "delay")
    after = before or Transcription()
    if "model" in given:
        after = replace(after, model=(given.text("model", MAX_MODEL_CHARS) or "").strip() or None)
    if "language" in given:
        after = replace(after, language=_language(given, "language"))
    if "languages" in given:
        listed = given.texts("languages", MAX_LANGUAGES, MAX_MODEL_CHARS)
        codes = (language_code(given.at("languages"), each) for each in listed)
        after = replace(after, languages=tuple(dict.fromkeys(codes)))
    if "keywords" in given:
        after = replace(after, keywords=_keywords(given))
    if "prompt" in given:
        after = replace(after, prompt=given.text("prompt", MAX_PROMPT_CHARS) or None)
    if "delay" in given:
        delay = None if given.is_null("delay") else given.choice("delay", DELAY)
        after = replace(after, delay=delay)
    return after


def _language(given: Fields, name: str) -> str | None:
    language = (given.text(name, MAX_MODEL_CHARS) or "").strip()
    if not language or language.lower() == "auto":
        return None
    return language_code(given.at(name), language)


def _keywords(given: Fields) -> tuple[str, ...]:
    kind = BY_NAME["keywords"].kind
    assert isinstance(kind, Terms)
    found = given.texts("keywords", kind.max_items, MAX_KEYWORD_CHARS)
    terms = tuple(dict.fromkeys(" ".join(each.split()) for each in found if each.strip()))
    for term in terms:
        if any(mark in term for mark in "<>\0"):
            raise InvalidRequest(
                f"Invalid '{given.at('keywords')}': {term!r} holds <, > or a null character.",
                param=given.at("keywords"),
                code="invalid_value",
            )
    check_terms(given.at("keywords"), terms, kind)
    return terms


def _noise_reduction(before: NoiseReduction | None, given: Fields) -> NoiseReduction:
    given.known("type", "strength")
    kind = given.choice("type", NOISES)
    strength = before.strength if before is not None else None
    if not given.is_null("strength"):
        strength = given.number("strength", (0.0, 1.0), 1.0)
    return NoiseReduction(kind, strength)


def _turn_detection(before: TurnDetection | None, given: Fields) -> TurnDetection:
    kind = given.choice("type", ("server_vad", "semantic_vad"))
    given.boolean("create_response")
    given.boolean("interrupt_response")
    if kind == "semantic_vad":
        given.known("type", "eagerness", "create_response", "interrupt_response")
        eagerness = before.eagerness if isinstance(before, SemanticVad) else "auto"
        if not given.is_null("eagerness"):
            eagerness = given.choice("eagerness", EAGERNESS)
        return SemanticVad(eagerness)
    numbers = ("threshold", "prefix_padding_ms", "silence_duration_ms", "idle_timeout_ms")
    given.known("type", *numbers, "create_response", "interrupt_response")
    vad = before if isinstance(before, ServerVad) else ServerVad()
    timeout_ms = vad.idle_timeout_ms
    if "idle_timeout_ms" in given:
        timeout_ms = given.integer("idle_timeout_ms", (5000, 30_000), 0) or None
    return ServerVad(
        threshold=given.number("threshold", (0.0, 1.0), vad.threshold),
        prefix_padding_ms=given.integer(
            "prefix_padding_ms", (0, MAX_PADDING_MS), vad.prefix_padding_ms
        ),
        silence_duration_ms=given.integer(
            "silence_duration_ms", (0, MAX_SILENCE_MS), vad.silence_duration_ms
        ),
        idle_timeout_ms=timeout_ms,
    )

"""A transcript as whisper.cpp's server and whisper-asr-webservice write it.

Knows nothing about HTTP requests: a `Transcript` goes in, a body comes out.
"""

from __future__ import annotations

import msgspec

from auricle.types import Language, Segment, Task, Transcript, Word
from auricle.whisper import languages

TIME_DECIMALS = 3
FIGURE_DECIMALS = 4


class SpokenWord(msgspec.Struct, frozen=True):
    """``word`` keeps the space before it, as both servers do."""

    word: str
    start: float
    end: float
    probability: float


class CppBody(msgspec.Struct, frozen=True):
    """``response_format=json`` of ``/inference``: every segment is a line of ``text``."""

    text: str


class CppSegment(msgspec.Struct, frozen=True):
    id: int
    text: str
    start: float
    end: float
    words: tuple[SpokenWord, ...]
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    no_speech_prob: float


class CppVerboseBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """``response_format=verbose_json`` of ``/inference``. What was detected stands in it only when
    detection ran; only the likeliest language's probability is known."""

    task: Task
    language: str
    duration: float
    text: str
    segments: tuple[CppSegment, ...]
    detected_language: str | None = None
    detected_language_probability: float | None = None
    language_probabilities: dict[str, float] | None = None


class AsrSegment(msgspec.Struct, frozen=True, omit_defaults=True):
    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: tuple[SpokenWord, ...] | None = None


class AsrBody(msgspec.Struct, frozen=True):
    """``output=json`` of ``/asr``; ``language`` is a code, empty without speech."""

    text: str
    segments: tuple[AsrSegment, ...]
    language: str


class DetectedLanguage(msgspec.Struct, frozen=True):
    """The answer of ``/detect-language`` where somebody speaks. ``confidence`` is null where the
    model knows one language only, so that nothing was detected."""

    detected_language: str
    language_code: str
    confidence: float | None


def cpp_text(transcript: Transcript) -> bytes:
    return _cpp_lines(transcript).encode()


def cpp_json(transcript: Transcript) -> bytes:
    return msgspec.json.encode(CppBody(_cpp_lines(transcript)))


def cpp_verbose_json(transcript: Transcript) -> bytes:
    language = transcript.language
    probability = None if language is None else language.probability
    is_detected = language is not None and probability is not None
    body = CppVerboseBody(
        task=transcript.task,
        language=_name(language),
        duration=round(transcript.duration_s, TIME_DECIMALS),
        text=_cpp_lines(transcript),
        segments=tuple(_cpp(i, segment) for i, segment in enumerate(transcript.segments)),
        detected_language=_name(language) if is_detected else None,
        detected_language_probability=_figure(probability),
        language_probabilities=(
            {language.code: round(probability, FIGURE_DECIMALS)}
            if language is not None and probability is not None
            else None
        ),
    )
    return msgspec.json.encode(body)


def asr_text(transcript: Transcript) -> bytes:
    """A line for each segment."""
    return "".join(f"{_line(segment)}\n" for segment in transcript.segments).encode()


def asr_tsv(transcript: Transcript) -> bytes:
    """Start and end in whole milliseconds, text; the first line names the columns."""
    rows = (
        f"{round(segment.start_s * 1000)}\t{round(segment.end_s * 1000)}\t{_line(segment)}\n"
        for segment in transcript.segments
    )
    return ("start\tend\ttext\n" + "".join(rows)).encode()


def asr_json(transcript: Transcript) -> bytes:
    body = AsrBody(
        text="".join(segment.text for segment in transcript.segments),
        segments=tuple(_asr(i, segment) for i, segment in enumerate(transcript.segments)),
        language=transcript.language.code if transcript.language else "",
    )
    return msgspec.json.encode(body)


class NoLanguage(msgspec.Struct, frozen=True):
    """The answer of ``/detect-language`` where nobody speaks: ``{}``. Bazarr takes an empty code
    for a language and fails; this it takes for no answer."""


def language_json(language: Language | None) -> bytes:
    if language is None:
        return msgspec.json.encode(NoLanguage())
    return msgspec.json.encode(
        DetectedLanguage(_name(language), language.code, _figure(language.probability))
    )


def _cpp_lines(transcript: Transcript) -> str:
    return "".join(f"{segment.text}\n" for segment in transcript.segments)


def _line(segment: Segment) -> str:
    return " ".join(segment.text.split())


def _name(language: Language | None) -> str:
    return "" if language is None else languages.NAMES.get(language.code, language.code)


def _figure(value: float | None) -> float | None:
    return None if value is None else round(value, FIGURE_DECIMALS)


def _words(words: tuple[Word, ...]) -> tuple[SpokenWord, ...]:
    return tuple(
        SpokenWord(
            word.text,
            round(word.start_s, TIME_DECIMALS),
            round(word.end_s, TIME_DECIMALS),
            round(word.probability, FIGURE_DECIMALS),
        )
        for word in words
    )


def _cpp(index: int, segment: Segment) -> CppSegment:
    return CppSegment(
        id=index,
        text=segment.text,
        start=round(segment.start_s, TIME_DECIMALS),
        end=round(segment.end_s, TIME_DECIMALS),
        words=_words(segment.words or ()),
        tokens=segment.tokens,
        temperature=round(segment.temperature, FIGURE_DECIMALS),
        avg_logprob=round(segment.avg_logprob, FIGURE_DECIMALS),
        no_speech_prob=round(segment.no_speech_prob, FIGURE_DECIMALS),
    )


def _asr(index: int, segment: Segment) -> AsrSegment:
    return AsrSegment(
        id=index,
        seek=segment.seek,
        start=round(segment.start_s, TIME_DECIMALS),
        end=round(segment.end_s, TIME_DECIMALS),
        text=segment.text,
        tokens=segment.tokens,
        temperature=round(segment.temperature, FIGURE_DECIMALS),
        avg_logprob=round(segment.avg_logprob, FIGURE_DECIMALS),
        compression_ratio=round(segment.compression_ratio, FIGURE_DECIMALS),
        no_speech_prob=round(segment.no_speech_prob, FIGURE_DECIMALS),
        words=None if segment.words is None else _words(segment.words),
    )

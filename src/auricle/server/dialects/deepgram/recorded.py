"""What a request for a recording asks for, and its answer: ``POST /v1/listen``.

Knows nothing about uploads or sockets: parameters and transcripts go in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from auricle.server.dialects.deepgram import formatting, parameters
from auricle.server.dialects.deepgram.bodies import (
    Alternative,
    ChannelResult,
    ListenBody,
    ListenMetadata,
    ListenResults,
    created,
    model_info,
    model_uuid,
)
from auricle.server.dialects.deepgram.formatting import Formatting, WrittenWord
from auricle.server.dialects.deepgram.layout import Utterance, paragraphs, utterances
from auricle.server.dialects.deepgram.parameters import LanguageChoice
from auricle.server.dialects.deepgram.query import Query
from auricle.server.dialects.deepgram.raw_format import RawFormat, raw_format
from auricle.server.dialects.deepgram.search import search_results
from auricle.server.dialects.shared import figure, time
from auricle.server.fields.audio_request import AudioRequest, Pairs
from auricle.settings.config import Settings
from auricle.types import Transcript

UTTERANCE_GAP_S: Final = 0.8
MAX_GAP_S: Final = 60.0

PARAMETERS: Final = parameters.SHARED | {
    "detect_language",
    "paragraphs",
    "search",
    "utt_split",
    "utterances",
}
"""What is known of recordings; the rest is ignored."""


@dataclass(frozen=True, slots=True)
class RecordingRequest:
    """What a request for a recording asks for."""

    request: AudioRequest
    language_choice: LanguageChoice
    formatting: Formatting
    raw_format: RawFormat | None
    multichannel: bool
    shows_paragraphs: bool
    utterance_gap_s: float | None
    """None: no utterances."""
    searches: tuple[str, ...]
    tags: tuple[str, ...]
    extra: dict[str, str]
    ignored: tuple[str, ...]

    @classmethod
    def read(cls, pairs: Pairs, content_type: str, settings: Settings) -> RecordingRequest:
        """Raises `InvalidRequest` for what is not allowed, or cannot be done here."""
        query = Query(pairs)
        parameters.refuse_unsupported(query)
        language_choice = parameters.language_choice(query, settings)
        gap_s = query.number("utt_split", 0, MAX_GAP_S)
        shows_paragraphs = query.flag("paragraphs") or query.flag("smart_format")
        return cls(
            request=parameters.request(query, language_choice, settings),
            language_choice=language_choice,
            formatting=parameters.formatting(query, needs_punctuation=query.flag("paragraphs")),
            raw_format=raw_format(query, content_type),
            multichannel=query.flag("multichannel"),
            shows_paragraphs=shows_paragraphs,
            utterance_gap_s=(gap_s if gap_s is not None else UTTERANCE_GAP_S)
            if query.flag("utterances")
            else None,
            searches=parameters.searches(query),
            tags=parameters.tags(query),
            extra=parameters.extra(query),
            ignored=tuple(name for name in query.names() if name not in PARAMETERS),
        )


@dataclass(frozen=True, slots=True)
class AnswerInfo:
    """What an answer tells of its request, besides the text."""

    request_id: str
    sha256: str
    model: str


def body(transcripts: Sequence[Transcript], wanted: RecordingRequest, info: AnswerInfo) -> bytes:
    """The answer of the channels that were read."""
    written = [_written(each, wanted.formatting) for each in transcripts]
    name = model_uuid(info.model)
    warnings = tuple(dict.fromkeys(each for one in transcripts for each in one.warnings))
    metadata = ListenMetadata(
        "deprecated",
        info.request_id,
        info.sha256,
        created(),
        time(max(each.duration_s for each in transcripts)),
        len(transcripts),
        (name,),
        {name: model_info(info.model)},
        wanted.tags or None,
        wanted.extra or None,
        warnings,
    )
    channels = (_channel(*each, wanted) for each in zip(transcripts, written, strict=True))
    results = ListenResults(tuple(channels), _utterances(written, wanted))
    return msgspec.json.encode(ListenBody(metadata, results))


def _written(transcript: Transcript, style: Formatting) -> tuple[WrittenWord, ...]:
    """Words are written a language at a time: what is no word depends on it."""
    given = transcript.language.code if transcript.language else None
    numbers = {each.name: i for i, each in enumerate(transcript.speakers or ())}
    found: list[WrittenWord] = []
    for segment in transcript.segments:
        found += formatting.written_words(
            segment.words or (), style, segment.language or given, numbers
        )
    return tuple(found)


def _channel(
    transcript: Transcript, words: Sequence[WrittenWord], wanted: RecordingRequest
) -> ChannelResult:
    style, is_multi = wanted.formatting, wanted.language_choice.is_multi
    languages = tuple(dict.fromkeys(each.language for each in words if each.language))
    alternative = Alternative(
        formatting.text(words, style),
        formatting.confidence(words),
        formatting.bodies(words, style, languages=is_multi),
        paragraphs(words, style) if wanted.shows_paragraphs else None,
        languages if is_multi else None,
    )
    found = transcript.language if wanted.language_choice.is_asked else None
    probability = found.probability if found else None
    return ChannelResult(
        (alternative,),
        search_results(words, wanted.searches, style),
        found.code if found else None,
        None if probability is None else figure(probability),
    )


def _utterances(
    channels: Sequence[Sequence[WrittenWord]], wanted: RecordingRequest
) -> tuple[Utterance, ...] | None:
    if wanted.utterance_gap_s is None:
        return None
    languages = wanted.language_choice.is_multi
    found = [
        each
        for i, words in enumerate(channels)
        for each in utterances(
            words, wanted.utterance_gap_s, wanted.formatting, i, languages=languages
        )
    ]
    return tuple(sorted(found, key=lambda each: each.start))

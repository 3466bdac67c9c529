"""``POST /v1/listen`` in the document: Deepgram's parameters, answer and errors.

Knows nothing about how they are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from auricle.server.dialects.deepgram.bodies import (
    Alternative,
    ChannelResult,
    ListenBody,
    ListenMetadata,
    ListenResults,
    ModelInfo,
)
from auricle.server.dialects.deepgram.errors import ListenError
from auricle.server.dialects.deepgram.formatting import WordBody
from auricle.server.dialects.deepgram.layout import Paragraph, Paragraphs, Sentence
from auricle.server.openapi.answers import ALWAYS, json_content, success
from auricle.server.openapi.schemas import Json, ref

_FLAG: Final[Json] = {"type": "boolean", "default": False}
_TEXTS: Final[Json] = {"type": "array", "items": {"type": "string"}}

PARAMETERS: Final[Mapping[str, tuple[Json, str]]] = {
    "model": (
        {"type": "string"},
        "Any name of a model here; one of Deepgram's, such as nova-3, means the served model.",
    ),
    "language": (
        {"type": "string", "example": "en-US"},
        "Language of the speech, or multi for several. English, or what the setting language says, "
        "if it is not given.",
    ),
    "language_hint": (_TEXTS, "With language=multi: what detection chooses from."),
    "detect_language": (
        _TEXTS,
        "true, or the languages to choose from: it is detected, whatever language says.",
    ),
    "punctuate": (_FLAG, "With punctuation and capitals, which the text has not otherwise."),
    "smart_format": (_FLAG, "The same as punctuate and paragraphs."),
    "paragraphs": (_FLAG, "Paragraphs of sentences, and punctuation."),
    "utterances": (_FLAG, "What is said between pauses."),
    "utt_split": ({"type": "number", "default": 0.8}, "The pause between utterances, seconds."),
    "multichannel": (_FLAG, "Every channel is read by itself, at most 20."),
    "diarize": (_FLAG, "Who says each word, by number."),
    "diarize_model": ({"type": "string"}, "Any but false is the same as diarize."),
    "keyterm": (_TEXTS, "Names and terms that may be said."),
    "keywords": (_TEXTS, "The same; a boost behind a colon counts from -2 to 2, and 1 is usual."),
    "filler_words": (_FLAG, "Keep English uh and um."),
    "profanity_filter": (_FLAG, "Stars for the letters of English profanity."),
    "replace": (_TEXTS, "find:replacement; without the second, what is found is left out."),
    "search": (_TEXTS, "Terms whose places in the text are told."),
    "encoding": (
        {
            "type": "string",
            "enum": ["linear16", "linear32", "mulaw", "alaw", "flac", "ogg-opus"],
        },
        "How raw samples are written; not for audio in a container.",
    ),
    "sample_rate": (
        {"type": "integer", "minimum": 8000, "maximum": 48000},
        "Of raw samples, in Hz.",
    ),
    "channels": ({"type": "integer", "minimum": 1, "maximum": 20}, "Of raw samples."),
    "tag": (_TEXTS, "Comes back in metadata.tags."),
    "extra": (_TEXTS, "key:value, which comes back in metadata.extra."),
}
"""Name, schema and meaning. What is ignored is not listed, nor what is refused."""

STATUSES: Final[Sequence[int]] = (400, 401, 403, 404, 408, 413, 429, 500, 503, 504, 507)

_ID: Final = "2f4c5f5e-6e0d-4b0e-9d0a-0b7f1f3f2a10"
_MODEL_ID: Final = "c0d1a568-ce81-5fea-97e7-bd45cb1fdf3c"
_EXAMPLE: Final = ListenBody(
    ListenMetadata(
        "deprecated",
        _ID,
        "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
        "2026-01-31T12:00:00.000Z",
        2.5,
        1,
        (_MODEL_ID,),
        {_MODEL_ID: ModelInfo("base", "0.1.0", "whisper")},
    ),
    ListenResults(
        (
            ChannelResult(
                (
                    Alternative(
                        "Good morning.",
                        0.98,
                        (
                            WordBody("good", 0.3, 0.6, 0.97, "Good"),
                            WordBody("morning", 0.6, 1.1, 0.98, "morning."),
                        ),
                        Paragraphs(
                            "\nGood morning.",
                            (Paragraph((Sentence("Good morning.", 0.3, 1.1),), 0.3, 1.1, 2),),
                        ),
                    ),
                )
            ),
        )
    ),
)

FAILED: Final[Json] = {
    "description": "Refused or failed, in Deepgram's shape.",
    "headers": ALWAYS,
    "content": {
        "application/json": {
            "schema": ref(ListenError),
            "example": msgspec.to_builtins(
                ListenError(
                    "INVALID_QUERY_PARAMETER",
                    "Invalid 'punctuate' value of 'yes'. Allowed is true or false.",
                    _ID,
                )
            ),
        }
    },
}
"""The error answer that all statuses share."""


def operation() -> Json:
    return {
        "operationId": "listen",
        "tags": ["Audio"],
        "summary": "Write down what is said in a recording, as Deepgram's API does",
        "parameters": [
            {"$ref": "#/components/parameters/Deadline"},
            *(_parameter(name, *each) for name, each in PARAMETERS.items()),
        ],
        "requestBody": {
            "required": True,
            "description": "The recording itself, of any content type but application/json.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        },
        "responses": {
            "200": success(
                json_content(ListenBody, msgspec.to_builtins(_EXAMPLE)), "Words and metadata."
            ),
            **{str(status): {"$ref": "#/components/responses/ListenFailed"} for status in STATUSES},
        },
    }


def _parameter(name: str, schema: Json, meaning: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": meaning,
        "schema": schema,
    }

"""The table of form fields a transcription request may carry; documentation is made from it.

Knows nothing about how fields are read; ``form`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from auricle.config import AudioContext, Decoding
from auricle.output.formats import Format
from auricle.output.subtitles import MAX_CUE_S, MAX_LINE_COUNT, MAX_LINE_WIDTH
from auricle.types import LanguageDetection

FORMATS: tuple[Format, ...] = get_args(Format)
STREAM_FORMATS: tuple[Format, ...] = ("json", "text")
"""Formats a stream of text events can stand for; the others carry times, and are not streamed."""

Granularity = Literal["word", "segment"]
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
INCLUDES = ("logprobs",)

MAX_BEAM_SIZE = 10
MAX_PATIENCE = 4.0
MIN_PATIENCE = 0.5
MAX_PADDING_MS = 60_000
MAX_LANGUAGES = 100
MAX_KEYWORDS = 100
MAX_KEYWORDS_CHARS = 1000
"""All keywords and hotwords together. Whisper's context holds 223 tokens."""
MAX_PREFIX_CHARS = 300
MAX_SUPPRESSED = 500
MAX_TOKEN_ID = 50_256
"""The last token that is text, in every Whisper vocabulary."""


@dataclass(frozen=True, slots=True)
class Field:
    """One form field, as documentation shows it; ``schema`` is JSON Schema."""

    name: str
    schema: Mapping[str, Any]
    help: str
    is_required: bool = False


SERVER_VAD: Mapping[str, Any] = {
    "type": "object",
    "required": ["type"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "server_vad"},
        "threshold": {"type": "number", "minimum": 0, "maximum": 1},
        "prefix_padding_ms": {"type": "integer", "minimum": 0, "maximum": MAX_PADDING_MS},
        "silence_duration_ms": {"type": "integer", "minimum": 0, "maximum": MAX_PADDING_MS},
    },
}

FIELDS = (
    Field(
        "file",
        {"type": "string", "format": "binary"},
        "The recording, in any container and codec FFmpeg reads; its name does not matter.",
        is_required=True,
    ),
    Field(
        "model",
        {"type": "string"},
        "The served model by any of its names, or one of OpenAI's such as whisper-1.",
        is_required=True,
    ),
    Field(
        "language",
        {"type": "string"},
        "Language of the speech (en, deu, pt-BR, German). Leave it out to have it detected.",
    ),
    Field(
        "languages[]",
        {"type": "array", "items": {"type": "string"}, "maxItems": MAX_LANGUAGES},
        "Languages that may be spoken: detection chooses the likeliest of them. "
        "Not together with language.",
    ),
    Field(
        "language_detection",
        {"type": "string", "enum": list(get_args(LanguageDetection)), "default": "once"},
        "Extension: once detects the language on the first speech and keeps it; window detects "
        "it anew after every pause of 0.6 s, for recordings in several languages.",
    ),
    Field(
        "prompt",
        {"type": "string"},
        "Text the recording might follow: it sets style, spelling and names. Its last 223 tokens "
        "count.",
    ),
    Field(
        "keywords[]",
        {
            "type": "array",
            "items": {"type": "string", "pattern": "^[^<>\\r\\n]*$"},
            "maxItems": MAX_KEYWORDS,
        },
        f"Names and terms that may be said, spelled as they should be written; at most "
        f"{MAX_KEYWORDS}, with {MAX_KEYWORDS_CHARS} characters together.",
    ),
    Field(
        "hotwords",
        {"type": "string", "maxLength": MAX_KEYWORDS_CHARS},
        "Extension: the same as keywords[], as one text with commas between the terms.",
    ),
    Field(
        "prefix",
        {"type": "string", "maxLength": MAX_PREFIX_CHARS},
        "Extension: what the first words are; the model goes on from there.",
    ),
    Field(
        "previous_text",
        {"type": "boolean", "default": False},
        "Extension: read a long recording piece by piece, each with the text before it as "
        "context. Slower.",
    ),
    Field(
        "condition_on_previous_text",
        {"type": "boolean", "default": False},
        "Another name of previous_text.",
    ),
    Field(
        "response_format",
        {"type": "string", "enum": list(FORMATS), "default": "json"},
        "How the answer is written.",
    ),
    Field(
        "temperature",
        {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "0 searches for the likeliest text, and tries again with more when that looks wrong; "
        "above 0 chance takes part, the same for the same audio.",
    ),
    Field(
        "timestamp_granularities[]",
        {"type": "array", "items": {"type": "string", "enum": list(GRANULARITIES)}},
        "Which times verbose_json carries: segment if not given; word alone leaves segments out. "
        "Extension: word adds words to json, too. The other formats stay as they are.",
    ),
    Field(
        "include[]",
        {"type": "array", "items": {"type": "string", "enum": list(INCLUDES)}},
        "logprobs adds every token's log-probability to json, also when streamed.",
    ),
    Field(
        "stream",
        {"type": "boolean", "default": False},
        "Send the text as server-sent events while it is recognised; with json or text. The other "
        "formats are answered plainly.",
    ),
    Field(
        "chunking_strategy",
        {"anyOf": [{"const": "auto"}, SERVER_VAD]},
        "How speech is found before it is recognised; auto, server_vad and leaving it out all "
        "use voice activity detection, and threshold sets how sure it has to be.",
    ),
    Field(
        "vad",
        {"type": "boolean"},
        "Extension: false hands everything to the model, silence included.",
    ),
    Field(
        "beam_size",
        {"type": "integer", "minimum": 1, "maximum": MAX_BEAM_SIZE},
        "Extension: beams kept while searching; 1 is greedy and faster. More than 1 not together "
        "with decoding fast or a temperature above 0.",
    ),
    Field(
        "patience",
        {"type": "number", "minimum": MIN_PATIENCE, "maximum": MAX_PATIENCE},
        "Extension: how much longer than usual beam search goes on looking.",
    ),
    Field(
        "suppress_tokens[]",
        {
            "type": "array",
            "items": {"type": "integer", "minimum": -1, "maximum": MAX_TOKEN_ID},
            "maxItems": MAX_SUPPRESSED,
            "default": [-1],
        },
        "Extension: ids of tokens never written; -1 stands for the model's own list of symbols, "
        "an empty JSON list for none.",
    ),
    Field(
        "decoding",
        {"type": "string", "enum": list(get_args(Decoding))},
        "Extension: accurate searches with beams, fast takes the likeliest token each time, "
        "balanced searches where that was unsure.",
    ),
    Field(
        "audio_context",
        {"type": "string", "enum": list(get_args(AudioContext))},
        "Extension: full pads short audio to 30 s, as Whisper was trained; auto to what it needs.",
    ),
    Field(
        "max_line_width",
        {"type": "integer", "minimum": 0, "maximum": MAX_LINE_WIDTH},
        "Extension, for srt and vtt: characters of a line at most, 42 if not set otherwise; wide "
        "ones such as Chinese count double; 0 turns it off.",
    ),
    Field(
        "max_line_count",
        {"type": "integer", "minimum": 0, "maximum": MAX_LINE_COUNT},
        "Extension, for srt and vtt: lines shown together at most, usually 2; 0 turns it off.",
    ),
    Field(
        "max_cue_s",
        {"type": "number", "minimum": 0, "maximum": MAX_CUE_S},
        "Extension, for srt and vtt: seconds a cue is shown at most, usually 7; 0 turns it off.",
    ),
)
"""What a request may carry. Other fields are ignored, as OpenAI's server ignores them."""

KNOWN = frozenset(field.name.removesuffix("[]") for field in FIELDS)

WITH_AUTO = frozenset(
    {"model", "prompt", "prefix", "keywords", "hotwords", "audio_context", "chunking_strategy"}
)
"""Where ``auto`` is a value or a text; in every other field it counts as absent."""

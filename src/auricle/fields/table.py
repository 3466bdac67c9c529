"""Every field of a transcription request, once: its name, kind, bounds and default, what it needs
and excludes, and where it goes.

Knows nothing about how a request is read or what a field does. The reader of forms, the OpenAPI
document, the table in ``docs/api.md``, flags of ``auricle transcribe`` and the settings that stand
in for absent fields are all made from `FIELDS`.

To add one: a row here, an attribute of `DecodeOptions` of the same name where it goes to
``decode``, the place that uses it, and a test.

Why it is so: docs/decisions.md, Fields.
"""

from __future__ import annotations

from typing import Final, get_args

from auricle.fields import kinds
from auricle.fields.field import Exclusion, Field, Flag, Need, Test, one_of, other_than
from auricle.fields.speakers import SPEAKER_FIELDS
from auricle.types import FORMATS, SUBTITLES, AudioContext, DecodingPreset, LanguageDetection

_JSON: Final = Need("response_format", ("json",))
_CUES: Final = Need("response_format", SUBTITLES)


def _needs_beams(asks: Test) -> tuple[Exclusion, ...]:
    """The options without beams, which exclude a value that asks for a beam search, as ``asks``
    says of it."""
    return (
        Exclusion("decoding", "'fast' searches without beams", asks, one_of("fast")),
        Exclusion("beam_size", "1 beam does not search", asks, one_of(1)),
        Exclusion("temperature", "above 0 the model samples, without beams", asks, other_than(0)),
    )


FIELDS: Final[tuple[Field, ...]] = (
    Field(
        "file",
        kinds.Recording(),
        "request",
        "the recording, in any container and codec FFmpeg reads; its name does not matter",
        is_required=True,
        is_openai=True,
    ),
    Field(
        "model",
        kinds.Text(),
        "request",
        "the served model by any of its names, or one of OpenAI's such as whisper-1",
        is_required=True,
        is_openai=True,
    ),
    Field(
        "language",
        kinds.Language(),
        "decode",
        "language of the speech (en, deu, pt-BR, German); leave it out to have it detected",
        is_openai=True,
    ),
    Field(
        "languages",
        kinds.Languages(max_items=100),
        "decode",
        "languages that may be spoken: detection chooses the likeliest of them",
        default=(),
        is_openai=True,
        flag=True,
        excludes=(
            Exclusion(
                "language",
                "the first is what detection chooses from, the second leaves nothing to detect",
            ),
        ),
    ),
    Field(
        "language_detection",
        kinds.Choice(get_args(LanguageDetection)),
        "decode",
        "once detects the language on the first speech and keeps it; window detects it anew "
        "after every pause of 0.6 s, for recordings in several languages",
        default="once",
        flag=True,
        excludes=(
            Exclusion(
                "language",
                "'window' detects the language again and again, and the second fixes it",
                one_of("window"),
            ),
        ),
    ),
    Field(
        "audio_track",
        kinds.Track(),
        "decode",
        "which audio track of a file with several is read, by its number from 1 or its language; "
        "not given: the best that can be decoded",
        flag=True,
    ),
    Field(
        "prompt",
        kinds.Text(),
        "decode",
        "text the recording might follow: it sets style, spelling and names; its last 223 "
        "tokens count",
        is_openai=True,
        flag=True,
    ),
    Field(
        "keywords",
        kinds.Terms(max_items=100, max_chars=1000),
        "decode",
        "names and terms that may be said, spelled as they should be written",
        default=(),
        is_openai=True,
        flag=True,
    ),
    Field(
        "hotwords",
        kinds.Terms(max_items=100, max_chars=1000, as_text=True),
        "decode",
        "the same as keywords[], as one text with commas between the terms",
        is_same_as="keywords",
    ),
    Field(
        "prefix",
        kinds.Text(max_chars=300),
        "decode",
        "what the first words are; the model goes on from there",
        flag=True,
    ),
    Field(
        "previous_text",
        kinds.Switch(),
        "decode",
        "read a long recording piece by piece, each with the text before as context; slower",
        default=False,
        flag=True,
    ),
    Field(
        "condition_on_previous_text",
        kinds.Switch(),
        "decode",
        "another name of previous_text",
        is_same_as="previous_text",
    ),
    Field(
        "response_format",
        kinds.Choice(FORMATS),
        "answer",
        "how the answer is written",
        default="json",
        is_openai=True,
    ),
    Field(
        "temperature",
        kinds.Number(0, 1),
        "decode",
        "0 searches for the likeliest text, and tries again with more when that looks wrong; "
        "above 0 chance takes part, the same for the same audio",
        default=0.0,
        is_openai=True,
        flag=True,
    ),
    Field(
        "timestamp_granularities",
        kinds.Choices(("word", "segment")),
        "answer",
        "which times verbose_json carries: segment if not given; word alone leaves segments "
        "out, and adds words to json and diarized_json; other formats stay as they are",
        default=(),
        is_openai=True,
        flag=Flag(
            "words",
            "word,segment",
            "times of words, too, in verbose_json, json and diarized_json",
            Need("response_format", ("verbose_json", "json", "diarized_json")),
        ),
    ),
    Field(
        "include",
        kinds.Choices(("logprobs", "languages")),
        "answer",
        "adds every token's log-probability to the answer, also to what is streamed; languages, an "
        "extension, adds those that were spoken",
        default=(),
        is_openai=True,
        flag=Flag("logprobs", "logprobs", "log-probabilities of tokens, in json", _JSON),
        needs=Need("response_format", ("json", "diarized_json")),
        excludes=(
            Exclusion(
                "response_format",
                "diarized_json has no log-probabilities",
                lambda wanted: "logprobs" in wanted,
                one_of("diarized_json"),
            ),
        ),
    ),
    Field(
        "stream",
        kinds.Switch(),
        "request",
        "send the text as server-sent events while it is recognised, with json, text or "
        "diarized_json; the other formats are answered plainly",
        default=False,
        is_openai=True,
    ),
    Field(
        "chunking_strategy",
        kinds.ServerVad(max_padding_ms=60_000),
        "request",
        "how speech is found before it is recognised; auto, server_vad and leaving it out all "
        "use voice activity detection, and threshold sets how sure it has to be",
        is_openai=True,
        excludes=(
            Exclusion(
                "vad",
                "the first asks for voice activity detection, and false turns it off",
                other_than("auto"),
                one_of(False),
            ),
        ),
    ),
    *SPEAKER_FIELDS,
    Field(
        "vad",
        kinds.Switch(),
        "decode",
        "find speech first, so that silence gives no words; off hands everything to the model",
        default=True,
        is_setting=True,
    ),
    Field(
        "beam_size",
        kinds.Whole(1, 10),
        "decode",
        "beams kept while searching; 1 is greedy and faster",
        default=5,
        is_setting=True,
        excludes=_needs_beams(other_than(1)),
    ),
    Field(
        "patience",
        kinds.Number(0.5, 4.0),
        "decode",
        "how much longer than usual beam search goes on looking; 1 is usual",
        default=1.0,
        is_setting=True,
        excludes=_needs_beams(other_than(1)),
    ),
    Field(
        "suppress_tokens",
        kinds.Ids(low=-1, high=50_256, max_items=500),  # up to the last token of text
        "decode",
        "ids of tokens never written; -1 stands for the model's own list of symbols, an empty JSON "
        "list for none",
        default=(-1,),
        flag=True,
    ),
    Field(
        "decoding",
        kinds.Choice(get_args(DecodingPreset)),
        "decode",
        "accurate searches with beams, fast takes the likeliest token each time, balanced searches "
        "where that was unsure",
        default="accurate",
        is_setting=True,
        excludes=_needs_beams(one_of("accurate", "balanced")),
    ),
    Field(
        "audio_context",
        kinds.Choice(get_args(AudioContext)),
        "decode",
        "what the encoder sees of short audio: auto is the audio and what the model needs "
        "behind it, full is always 30 s, as Whisper was trained",
        default="auto",
        is_setting=True,
    ),
    Field(
        "max_line_width",
        kinds.Whole(0, 1000),
        "answer",
        "longest line of a subtitle, characters; wide ones, as in Chinese, count double; 0 any",
        default=42,
        is_setting=True,
        needs=_CUES,
    ),
    Field(
        "max_line_count",
        kinds.Whole(0, 100),
        "answer",
        "lines of a subtitle at most; 0 as many as it takes",
        default=2,
        is_setting=True,
        needs=_CUES,
        excludes=(
            Exclusion(
                "max_line_width",
                "lines cannot be counted while they may be of any width (max_line_width 0)",
                other_than(0),
                one_of(0),
                by_default=True,
            ),
        ),
    ),
    Field(
        "max_cue_s",
        kinds.Number(0.0, 3600.0),
        "answer",
        "how long a subtitle is shown at most, seconds; 0 any time",
        default=7.0,
        is_setting=True,
        needs=_CUES,
    ),
)
"""What a request may carry. Other fields are ignored, as OpenAI's server ignores them."""

BY_NAME: Final = {field.name: field for field in FIELDS}

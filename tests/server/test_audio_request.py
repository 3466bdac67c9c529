"""Every encoding clients use is read; every value that cannot be honoured is refused by name."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import InvalidRequest
from auricle.fields.table import FIELDS
from auricle.output.formats import Style
from auricle.server.fields.audio_request import (
    MAX_IGNORED_NAMES,
    AudioRequest,
    IgnoredFields,
    parse,
)
from auricle.settings.config import Settings
from auricle.types import DecodeOptions, Format
from auricle.whisper.languages import NAMES as LANGUAGES

SETTINGS = Settings(beam_size=3, vad_threshold=0.4)
DEFAULTS = DecodeOptions(beam_size=3, vad_threshold=0.4)


def read(*pairs: tuple[str, str]) -> AudioRequest:
    return parse((("model", "whisper-1"), *pairs), "transcribe", SETTINGS)


def refused(*pairs: tuple[str, str]) -> tuple[str, str | None, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        read(*pairs)
    return caught.value.message, caught.value.param, caught.value.code


def test_absent_fields_come_from_the_settings() -> None:
    assert read() == AudioRequest("whisper-1", DEFAULTS, Style(), stream=False)


@pytest.mark.parametrize("value", ["2", "de", "German", "tlh"])
def test_an_audio_track_is_a_number_or_a_language(value: str) -> None:
    assert read(("audio_track", value)).options.audio_track == value


@pytest.mark.parametrize("value", ["0", "-1", "+2", "x" * 65])
def test_an_audio_track_that_no_file_has_is_refused(value: str) -> None:
    message, param, code = refused(("audio_track", value))
    assert "expected a number from 1 or a language" in message
    assert (param, code) == ("audio_track", "invalid_value")


def test_every_field_is_read() -> None:
    assert parse(
        [
            ("model", "base"),
            ("language", "German"),
            ("prompt", "Auricle, Whisper"),
            ("response_format", "verbose_json"),
            ("temperature", "0.2"),
            ("timestamp_granularities[]", "segment"),
            ("stream", "false"),
            ("chunking_strategy", "auto"),
            ("beam_size", "1"),
            ("decoding", "fast"),
            ("audio_context", "full"),
            ("vad", "no"),
            ("user", "ignored like every unknown field"),
        ],
        "translate",
        SETTINGS,
    ) == AudioRequest(
        "base",
        DecodeOptions(
            "translate",
            "de",
            "Auricle, Whisper",
            0.2,
            beam_size=1,
            decoding="fast",
            audio_context="full",
            vad=False,
            vad_threshold=0.4,
        ),
        Style("verbose_json"),
        stream=False,
        ignored=("user",),
    )


def test_prompting_fields_are_read() -> None:
    asked = read(
        ("languages[]", "German"),
        ("languages[]", "zh-hk"),
        ("languages[]", "deu"),
        ("language_detection", "window"),
        ("keywords[]", "Smith, John"),
        ("keywords[]", " Quixel  Brondex "),
        ("hotwords", "Auricle, Smith, John,"),
        ("prefix", " And so "),
        ("condition_on_previous_text", "True"),
        ("patience", "2"),
        ("suppress_tokens", "[11, -1, 11]"),
        ("include[]", "logprobs"),
    )
    assert asked == AudioRequest(
        "whisper-1",
        DecodeOptions(
            beam_size=3,
            vad_threshold=0.4,
            languages=("de", "zh"),
            language_detection="window",
            keywords=("Smith, John", "Quixel Brondex", "Auricle", "Smith", "John"),
            prefix="And so",
            previous_text=True,
            patience=2.0,
            suppress_tokens=(-1, 11),
            logprobs=True,
        ),
        Style("json", logprobs=True, languages=True),
        stream=False,
    )


def test_the_languages_of_the_speech_can_be_asked_for() -> None:
    assert read(("include[]", "languages")).style == Style("json", languages=True)
    assert read(("include[]", "logprobs")).style == Style("json", logprobs=True)
    diarized = read(("include[]", "languages"), ("response_format", "diarized_json"))
    assert diarized.style == Style("diarized_json", languages=True, speakers=True)


@pytest.mark.parametrize(
    ("pairs", "segments", "words"),
    [
        ([], True, False),
        ([("timestamp_granularities[]", "segment")], True, False),
        ([("timestamp_granularities[]", "word")], False, True),
        ([("timestamp_granularities[]", "word,segment")], True, True),
        (
            [("timestamp_granularities[]", "word"), ("timestamp_granularities[]", "segment")],
            True,
            True,
        ),
    ],
)
def test_which_times_are_shown(pairs: list[tuple[str, str]], segments: bool, words: bool) -> None:
    asked = read(("response_format", "verbose_json"), *pairs)
    assert asked.style == Style("verbose_json", segments=segments, words=words)
    assert asked.options.words is words


def test_diarized_json_can_have_words() -> None:
    diarized = ("response_format", "diarized_json")
    assert read(diarized, ("timestamp_granularities[]", "word")).style.words
    assert not read(diarized, ("timestamp_granularities[]", "segment")).style.words


@pytest.mark.parametrize("wanted", ["json", "text", "srt", "vtt"])
@pytest.mark.parametrize("granularity", ["segment", "word"])
def test_granularities_are_taken_with_every_format(wanted: Format, granularity: str) -> None:
    """They were refused without verbose_json; Vercel's AI SDK always sends ``segment`` with json
    for OpenAI's gpt models, Buzz and litellm send ``word``."""
    asked = read(("response_format", wanted), ("timestamp_granularities[]", granularity))
    has_words = (wanted, granularity) == ("json", "word")
    assert asked.style == Style(wanted, segments=granularity == "segment", words=has_words)
    assert asked.options.words is (has_words or wanted in ("srt", "vtt"))


@pytest.mark.parametrize(
    ("wanted", "is_streamed"),
    [("json", True), ("text", True), ("verbose_json", False), ("srt", False), ("vtt", False)],
)
def test_what_cannot_be_streamed_is_answered_plainly(wanted: str, is_streamed: bool) -> None:
    """It was refused; litellm adds verbose_json by itself to a stream of whisper-1, where OpenAI
    ignores ``stream``."""
    assert read(("response_format", wanted), ("stream", "true")).stream is is_streamed


@pytest.mark.parametrize(
    ("pairs", "is_shown"),
    [
        ([("model", "gpt-transcribe")], True),
        ([("model", "whisper-1")], False),
        ([("model", "whisper-1"), ("languages[]", "de")], True),
        ([("model", "whisper-1"), ("language_detection", "window")], True),
        ([("model", "gpt-transcribe"), ("response_format", "text")], False),
    ],
)
def test_when_languages_are_listed(pairs: list[tuple[str, str]], is_shown: bool) -> None:
    assert parse(pairs, "transcribe", SETTINGS).style.languages is is_shown


def test_log_probabilities_can_be_streamed() -> None:
    asked = read(("include", "logprobs"), ("stream", "true"))
    assert (asked.style.logprobs, asked.options.logprobs, asked.stream) == (True, True, True)


@pytest.mark.parametrize(
    ("pairs", "decoding"),
    [
        ([], "fast"),
        ([("patience", "1"), ("beam_size", "1")], "fast"),
        ([("beam_size", "2")], "accurate"),
        ([("patience", "2")], "accurate"),
        ([("beam_size", "2"), ("decoding", "balanced")], "balanced"),
    ],
)
def test_who_wants_beams_gets_them_where_the_server_does_without(
    pairs: list[tuple[str, str]], decoding: str
) -> None:
    asked = parse([("model", "base"), *pairs], "transcribe", Settings(decoding="fast"))
    assert asked.options.decoding == decoding


@pytest.mark.parametrize(
    ("pairs", "keywords"),
    [
        ([("keywords", "Anna, Bob")], ("Anna", "Bob")),
        ([("keywords", '["Smith, John", "Bob"]')], ("Smith, John", "Bob")),
        ([("keywords[0]", "Smith, John"), ("keywords[1]", "Bob")], ("Smith, John", "Bob")),
        ([("keywords[]", " "), ("hotwords", " , ")], ()),
        ([("hotwords[]", "Smith, John"), ("hotwords[]", "Ann")], ("Smith, John", "Ann")),
        ([("hotwords", '["Smith, John", "Ann"]')], ("Smith, John", "Ann")),
    ],
)
def test_keywords_in_every_encoding(pairs: list[tuple[str, str]], keywords: tuple[str]) -> None:
    assert read(*pairs).options.keywords == keywords


@pytest.mark.parametrize(
    ("pairs", "ids"),
    [
        ([], (-1,)),
        ([("suppress_tokens", "[]")], ()),
        ([("suppress_tokens", "-1, 7")], (-1, 7)),
        ([("suppress_tokens[]", "7"), ("suppress_tokens[]", "3")], (3, 7)),
        ([("suppress_tokens", '["7"]')], (7,)),
    ],
)
def test_tokens_to_suppress_in_every_encoding(
    pairs: list[tuple[str, str]], ids: tuple[int]
) -> None:
    assert read(*pairs).options.suppress_tokens == ids


def test_an_unknown_field_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    ignored = IgnoredFields()
    with caplog.at_level("INFO"):
        ignored.note(read(("user", "a"), ("seed", "1")).ignored)
        ignored.note(read(("user", "b")).ignored)
    assert [record.args for record in caplog.records] == [("user",), ("seed",)]
    caplog.clear()
    with caplog.at_level("INFO"):
        ignored.note(str(n) for n in range(2 * MAX_IGNORED_NAMES))
    assert len(caplog.records) == MAX_IGNORED_NAMES - 2


ABSENT = ("", "null", "None", "undefined", "auto")
OPTIONAL = [each.name for each in FIELDS if each.name not in ("file", "model")]


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("value", ABSENT)
def test_no_value_in_every_spelling(name: str, value: str) -> None:
    """``language=auto`` was refused here and taken by ``/inference``; programs that have nothing to
    send send what their language writes for it."""
    if value == "auto" and name in ("prompt", "prefix", "keywords", "hotwords"):
        return  # a word that may be said
    assert read((name, value)) == read()


def test_auto_is_a_word_where_text_is_meant_and_a_value_where_there_is_one() -> None:
    settings = Settings(audio_context="full")
    pairs = [("model", "auto"), ("prompt", "auto"), ("keywords[]", "Auto"), ("hotwords", "auto")]
    asked = parse([*pairs, ("prefix", "Auto"), ("audio_context", "auto")], "transcribe", settings)
    assert (asked.model, asked.options) == (
        "auto",
        DecodeOptions(prompt="auto", keywords=("Auto", "auto"), prefix="Auto"),
    )


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on"])
def test_true_in_every_spelling(value: str) -> None:
    assert read(("stream", value)).stream is True


@pytest.mark.parametrize("value", ["false", "False", "0", "no", "off", "", "null", "None"])
def test_false_and_absent_in_every_spelling(value: str) -> None:
    assert read(("stream", value)).stream is False


@pytest.mark.parametrize(
    "pairs",
    [
        [("timestamp_granularities[]", "segment")],
        [("timestamp_granularities", "segment")],
        [("timestamp_granularities[0]", "segment")],
        [("timestamp_granularities", '["segment"]')],
        [("timestamp_granularities", "segment, segment")],
        [("timestamp_granularities[]", "segment"), ("timestamp_granularities[]", "segment")],
        [("extra_body[timestamp_granularities][]", "segment")],
        [("timestamp_granularities[]", "")],
    ],
)
def test_a_list_in_every_encoding(pairs: list[tuple[str, str]]) -> None:
    wanted = AudioRequest("whisper-1", DEFAULTS, Style("verbose_json"), stream=False)
    assert read(("response_format", "verbose_json"), *pairs) == wanted


@pytest.mark.parametrize(
    ("pairs", "threshold"),
    [
        ([("chunking_strategy", "auto")], 0.4),
        ([("chunking_strategy", "")], 0.4),
        ([("chunking_strategy", "null")], 0.4),
        ([("chunking_strategy[type]", "server_vad")], 0.4),
        (
            [
                ("chunking_strategy[type]", "server_vad"),
                ("chunking_strategy[threshold]", "0.7"),
                ("chunking_strategy[prefix_padding_ms]", "300"),
                ("chunking_strategy[silence_duration_ms]", "200"),
            ],
            0.7,
        ),
        (
            [
                ("extra_body[chunking_strategy][type]", "server_vad"),
                ("extra_body[chunking_strategy][threshold]", "1"),
            ],
            1.0,
        ),
        ([("chunking_strategy", '{"type":"server_vad","threshold":0.25}')], 0.25),
        ([("chunking_strategy", ' {"type":"server_vad","prefix_padding_ms":null}')], 0.4),
    ],
)
def test_chunking_strategy_in_every_encoding(
    pairs: list[tuple[str, str]], threshold: float
) -> None:
    assert read(*pairs).options.vad_threshold == threshold


def test_the_same_value_twice_is_no_contradiction() -> None:
    assert read(("language", "en"), ("language", "en")).options.language == "en"


@pytest.mark.parametrize("value", ["0.5", ".5", "5e-1", "+0.50", " 0.5 "])
def test_numbers_in_every_spelling(value: str) -> None:
    assert read(("temperature", value)).options.temperature == 0.5


def test_an_explicit_zero_is_not_absent() -> None:
    options = read(("temperature", "0"), ("chunking_strategy[type]", "server_vad")).options
    assert options.temperature == 0.0
    threshold = '{"type":"server_vad","threshold":0}'
    assert read(("chunking_strategy", threshold)).options.vad_threshold == 0.0


def test_no_model() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse([("model", "")], "transcribe", SETTINGS)
    assert (caught.value.message, caught.value.param, caught.value.code) == (
        "you must provide a model parameter",
        None,
        None,
    )


LANGUAGES_READ = (
    "Leave it out to have the language detected. Codes, BCP-47 tags and English names are read; "
    f"known are {', '.join(LANGUAGES)}."
)
FORMATS = "'json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json'"


@pytest.mark.parametrize(
    ("pairs", "message", "param", "code"),
    [
        (
            [("language", "automatic")],
            "Invalid language 'automatic'. Language parameter must be specified in ISO-639-1 "
            "format. "
            f"{LANGUAGES_READ}",
            "language",
            "invalid_language_format",
        ),
        (
            [("languages[]", "en"), ("languages[]", "klingon")],
            "Invalid language 'klingon'. Language parameter must be specified in ISO-639-1 format. "
            f"{LANGUAGES_READ}",
            "languages",
            "invalid_language_format",
        ),
        (
            [("languages[]", "en"), ("language", "de")],
            "'languages' and 'language' cannot be used together: the first is what detection "
            "chooses from, the second leaves nothing to detect.",
            "languages",
            "invalid_value",
        ),
        (
            [("language_detection", "window"), ("language", "de")],
            "'language_detection' and 'language' cannot be used together: 'window' detects the "
            "language again and again, and the second fixes it.",
            "language_detection",
            "invalid_value",
        ),
        (
            [("language_detection", "never")],
            "Invalid 'language_detection': got 'never'. Supported values are: 'once', 'window'.",
            "language_detection",
            "invalid_value",
        ),
        (
            [("languages", ",".join(["en"] * 101))],
            "Invalid 'languages': expected at most 100 languages, but got 101.",
            "languages",
            "invalid_value",
        ),
        (
            [("language", "en"), ("language", "de")],
            "Invalid 'language': expected a single value, but got 'de' and 'en'.",
            "language",
            "invalid_value",
        ),
        (
            [("language[a][b]", "en")],
            "Invalid 'language': expected a single value, but got language[a][b].",
            "language",
            "invalid_value",
        ),
        (
            [("response_format", "xml")],
            f"Invalid 'response_format': got 'xml'. Supported values are: {FORMATS}.",
            "response_format",
            "invalid_value",
        ),
        (
            [("temperature", "1.5")],
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 1, but got "
            "1.5 instead.",
            "temperature",
            "decimal_above_max_value",
        ),
        (
            [("temperature", "-0.1")],
            "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got "
            "-0.1 instead.",
            "temperature",
            "decimal_below_min_value",
        ),
        (
            [("temperature", "0,5")],
            "Invalid 'temperature': expected a number from 0 to 1, but got '0,5'.",
            "temperature",
            "invalid_type",
        ),
        (
            [("temperature", "nan")],
            "Invalid 'temperature': expected a number from 0 to 1, but got 'nan'.",
            "temperature",
            "invalid_type",
        ),
        (
            [("beam_size", "0")],
            "Invalid 'beam_size': integer below minimum value. Expected a value >= 1, but got 0 "
            "instead.",
            "beam_size",
            "integer_below_min_value",
        ),
        (
            [("beam_size", "2.5")],
            "Invalid 'beam_size': expected a whole number from 1 to 10, but got '2.5'.",
            "beam_size",
            "invalid_type",
        ),
        (
            [("stream", "maybe")],
            "Invalid 'stream': expected true or false, but got 'maybe'.",
            "stream",
            "invalid_type",
        ),
        (
            [("timestamp_granularities[]", "page")],
            "Invalid 'timestamp_granularities': got 'page'. Supported values are: 'word', "
            "'segment'.",
            "timestamp_granularities",
            "invalid_value",
        ),
        (
            [("timestamp_granularities[a]", "segment")],
            "Invalid 'timestamp_granularities': expected a list, but got "
            "timestamp_granularities[a].",
            "timestamp_granularities",
            "invalid_value",
        ),
        (
            [("timestamp_granularities", "[1]")],
            "Invalid 'timestamp_granularities': not a JSON array of strings: '[1]'.",
            "timestamp_granularities",
            "invalid_type",
        ),
        (
            [("include[]", "logprobs"), ("response_format", "srt")],
            "Invalid 'include': it needs response_format 'json' or 'diarized_json', but that is "
            "'srt'.",
            "include",
            "invalid_value",
        ),
        (
            [("include[]", "logprobs"), ("response_format", "diarized_json")],
            "'include' and 'response_format' cannot be used together: diarized_json has no "
            "log-probabilities.",
            "include",
            "invalid_value",
        ),
        (
            [("include[]", "usage")],
            "Invalid 'include': got 'usage'. Supported values are: 'logprobs', 'languages'.",
            "include",
            "invalid_value",
        ),
        (
            [("keywords[]", "<b>")],
            "Invalid 'keywords': '<b>' holds <, >, a line break or a null character.",
            "keywords",
            "invalid_value",
        ),
        (
            [("hotwords", "a\r\nb")],
            "Invalid 'hotwords': 'a\\r\\nb' holds <, >, a line break or a null character.",
            "hotwords",
            "invalid_value",
        ),
        (
            [("keywords", ",".join(str(n) for n in range(101)))],
            "Invalid 'keywords': expected at most 100 terms, but got 101.",
            "keywords",
            "invalid_value",
        ),
        (
            [("keywords[]", "k" * 600), ("hotwords", "h" * 401)],
            "Invalid 'hotwords': expected at most 1000 characters in all terms, but got 1001.",
            "hotwords",
            "invalid_value",
        ),
        (
            [("keywords[a]", "x")],
            "Invalid 'keywords': expected a list, but got keywords[a].",
            "keywords",
            "invalid_value",
        ),
        (
            [("prefix", "p" * 301)],
            "Invalid 'prefix': expected at most 300 characters, but got 301.",
            "prefix",
            "invalid_value",
        ),
        (
            [("previous_text", "true"), ("condition_on_previous_text", "false")],
            "'condition_on_previous_text' and 'previous_text' cannot be used together: they are "
            "two names of one field, and their values differ.",
            "condition_on_previous_text",
            "invalid_value",
        ),
        (
            [("patience", "0.4")],
            "Invalid 'patience': decimal below minimum value. Expected a value >= 0.5, but got 0.4 "
            "instead.",
            "patience",
            "decimal_below_min_value",
        ),
        (
            [("patience", "2"), ("decoding", "fast")],
            "'patience' and 'decoding' cannot be used together: 'fast' searches without beams.",
            "patience",
            "invalid_value",
        ),
        (
            [("patience", "2"), ("beam_size", "1")],
            "'patience' and 'beam_size' cannot be used together: 1 beam does not search.",
            "patience",
            "invalid_value",
        ),
        (
            [("patience", "2"), ("temperature", "0.2")],
            "'patience' and 'temperature' cannot be used together: above 0 the model samples, "
            "without beams.",
            "patience",
            "invalid_value",
        ),
        (
            [("beam_size", "5"), ("decoding", "fast")],
            "'beam_size' and 'decoding' cannot be used together: 'fast' searches without beams.",
            "beam_size",
            "invalid_value",
        ),
        (
            [("beam_size", "2"), ("temperature", "0.2")],
            "'beam_size' and 'temperature' cannot be used together: above 0 the model samples, "
            "without beams.",
            "beam_size",
            "invalid_value",
        ),
        (
            [("decoding", "balanced"), ("beam_size", "1")],
            "'decoding' and 'beam_size' cannot be used together: 1 beam does not search.",
            "decoding",
            "invalid_value",
        ),
        (
            [("temperature", "1e400")],
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 1, but got "
            "1e400 instead.",
            "temperature",
            "decimal_above_max_value",
        ),
        (
            [("temperature", "1.0000001")],
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 1, but got "
            "1.0000001 instead.",
            "temperature",
            "decimal_above_max_value",
        ),
        (
            [("suppress_tokens", "50257")],
            "Invalid 'suppress_tokens': integer above maximum value. Expected a value <= 50256, "
            "but got 50257 instead.",
            "suppress_tokens",
            "integer_above_max_value",
        ),
        (
            [("suppress_tokens[]", "comma")],
            "Invalid 'suppress_tokens': expected a whole number from -1 to 50256, but got 'comma'.",
            "suppress_tokens",
            "invalid_type",
        ),
        (
            [("suppress_tokens", "[1.5]")],
            "Invalid 'suppress_tokens': not a JSON array of whole numbers: '[1.5]'.",
            "suppress_tokens",
            "invalid_type",
        ),
        (
            [("suppress_tokens[a]", "1")],
            "Invalid 'suppress_tokens': expected a list, but got suppress_tokens[a].",
            "suppress_tokens",
            "invalid_value",
        ),
        (
            [("suppress_tokens", ",".join(["1"] * 501))],
            "Invalid 'suppress_tokens': expected at most 500 ids, but got 501.",
            "suppress_tokens",
            "invalid_value",
        ),
        (
            [("chunking_strategy", "fast")],
            "Invalid 'chunking_strategy': got 'fast'. Supported are 'auto' and an object of type "
            "server_vad.",
            "chunking_strategy",
            "invalid_value",
        ),
        (
            [("chunking_strategy[threshold]", "0.5")],
            "Invalid 'chunking_strategy': got 'no type'. Supported are 'auto' and an object of "
            "type server_vad.",
            "chunking_strategy",
            "invalid_value",
        ),
        (
            [("chunking_strategy", '{"type":"server_vad","threshold":2}')],
            "Invalid 'chunking_strategy.threshold': decimal above maximum value. Expected a value "
            "<= 1, but got 2 instead.",
            "chunking_strategy.threshold",
            "decimal_above_max_value",
        ),
        (
            [("chunking_strategy", '{"type":"server_vad","silence_duration_ms":0.5}')],
            "Invalid 'chunking_strategy.silence_duration_ms': expected a whole number from 0 to "
            "60000, but got '0.5'.",
            "chunking_strategy.silence_duration_ms",
            "invalid_type",
        ),
        (
            [("chunking_strategy", '{"type":"server_vad","speed":1}')],
            "Invalid 'chunking_strategy': unknown key 'speed'. Known are: type, threshold, "
            "prefix_padding_ms, silence_duration_ms.",
            "chunking_strategy",
            "invalid_value",
        ),
        (
            [("chunking_strategy", "{nonsense")],
            "Invalid 'chunking_strategy': not a JSON object of plain values: '{nonsense'.",
            "chunking_strategy",
            "invalid_type",
        ),
        (
            [("chunking_strategy[type]", "server_vad"), ("vad", "false")],
            "'chunking_strategy' and 'vad' cannot be used together: the first asks for voice "
            "activity detection, and false turns it off.",
            "chunking_strategy",
            "invalid_value",
        ),
    ],
)
def test_a_refusal_names_the_field_the_value_and_what_is_allowed(
    pairs: list[tuple[str, str]], message: str, param: str, code: str
) -> None:
    assert refused(*pairs) == (message, param, code)


NAMES = st.one_of(
    st.sampled_from([field.name.removesuffix("[]") for field in FIELDS]),
    st.sampled_from(["known_speaker_names", "extra_body"]),
    st.text(max_size=10),
)
PATHS = st.lists(
    st.sampled_from(["[]", "[0]", "[type]", "[threshold]", "[a]", "[", "]", "[stream]"]), max_size=3
)
VALUES = st.one_of(
    st.sampled_from(["", "auto", "server_vad", "true", "1", "1e999", "9" * 400, "en", "[", "{"]),
    st.sampled_from(["[" * 5000, '{"type":' * 3000, '["segment"]', '{"type":"server_vad"}', "٣"]),
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=20),
)


@given(st.lists(st.tuples(st.builds(lambda n, p: n + "".join(p), NAMES, PATHS), VALUES)))
def test_anything_is_a_request_or_a_refusal(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(InvalidRequest):
        asked = read(*pairs)
        assert 0 <= asked.options.temperature <= 1
        assert 1 <= asked.options.beam_size <= 10
        assert 0 <= asked.options.vad_threshold <= 1
        assert 0.5 <= asked.options.patience <= 4
        assert all(-1 <= each <= 50_256 for each in asked.options.suppress_tokens)

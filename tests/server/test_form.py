"""Every encoding clients use is read; every value that cannot be honoured is refused by name."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.config import Settings
from auricle.errors import InvalidRequest
from auricle.formats import Style
from auricle.server.form import FIELDS, AudioRequest, parse
from auricle.types import Options

SETTINGS = Settings(beam_size=3, vad_threshold=0.4)
DEFAULTS = Options(beam_size=3, vad_threshold=0.4)


def read(*pairs: tuple[str, str]) -> AudioRequest:
    return parse((("model", "whisper-1"), *pairs), "transcribe", SETTINGS)


def refused(*pairs: tuple[str, str]) -> tuple[str, str | None, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        read(*pairs)
    return caught.value.message, caught.value.param, caught.value.code


def test_absent_fields_come_from_the_settings() -> None:
    assert read() == AudioRequest("whisper-1", DEFAULTS, Style(), stream=False)


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
            ("decoding", "balanced"),
            ("audio_context", "full"),
            ("vad", "no"),
            ("user", "ignored like every unknown field"),
        ],
        "translate",
        SETTINGS,
    ) == AudioRequest(
        "base",
        Options(
            "translate",
            "de",
            "Auricle, Whisper",
            0.2,
            beam_size=1,
            decoding="balanced",
            audio_context="full",
            vad=False,
            vad_threshold=0.4,
        ),
        Style("verbose_json"),
        stream=False,
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


FORMATS = "'json', 'text', 'srt', 'verbose_json', 'vtt'"


@pytest.mark.parametrize(
    ("pairs", "message", "param", "code"),
    [
        (
            [("language", "auto")],
            "Invalid language 'auto'. Language parameter must be specified in ISO-639-1 format. "
            "Leave it out to have the language detected.",
            "language",
            "invalid_language_format",
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
            [("response_format", "diarized_json")],
            "response_format 'diarized_json' is not supported: speakers are not told apart on "
            "this server. Supported values are: json, text, srt, verbose_json, vtt.",
            "response_format",
            "unsupported_value",
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
            [("stream", "true"), ("response_format", "srt")],
            "response_format 'srt' cannot be streamed. Use 'json' or 'text' instead.",
            "response_format",
            "unsupported_value",
        ),
        (
            [("timestamp_granularities[]", "word"), ("response_format", "verbose_json")],
            "Times of single words ('word') are not available on this server yet. Supported "
            "values of timestamp_granularities are: 'segment'.",
            "timestamp_granularities",
            "unsupported_value",
        ),
        (
            [("timestamp_granularities[]", "page")],
            "Invalid 'timestamp_granularities': got 'page'. Supported values are: 'segment'.",
            "timestamp_granularities",
            "invalid_value",
        ),
        (
            [("timestamp_granularities[]", "segment")],
            "Invalid 'timestamp_granularities': it needs response_format 'verbose_json', but that "
            "is 'json'.",
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
            [("include[]", "logprobs")],
            "'include' (here 'logprobs') is not supported: token log-probabilities are not "
            "available on this server.",
            "include",
            "unsupported_parameter",
        ),
        (
            [("extra_body[known_speaker_names][]", "agent")],
            "'known_speaker_names' (here 'agent') is not supported: speakers are not told apart "
            "on this server.",
            "known_speaker_names",
            "unsupported_parameter",
        ),
        (
            [("languages[]", "en"), ("languages[]", "de")],
            "'languages' (here 'en, de') is not supported: a list of languages is not available "
            "on this server; use language.",
            "languages",
            "unsupported_parameter",
        ),
        (
            [("keywords", "k" * 100)],
            f"'keywords' (here '{'k' * 80}…') is not supported: keywords are not available on "
            "this server; use prompt.",
            "keywords",
            "unsupported_parameter",
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
            "Invalid 'chunking_strategy': 'server_vad' asks for voice activity detection, which "
            "vad=false turns off.",
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
    st.sampled_from(["include", "languages", "extra_body"]),
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

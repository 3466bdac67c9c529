"""Keyword arguments as the form has them."""

from __future__ import annotations

import pytest

from auricle.client.fields import Fields, chosen_format, written
from auricle.fields import FIELDS

SEGMENTS = ("timestamp_granularities[]", "segment")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"language": None, "prompt": ""}, [("prompt", "")]),
        ({"words": True}, [("timestamp_granularities[]", "word"), SEGMENTS]),
        ({"words": False, "logprobs": False}, []),
        ({"logprobs": True}, [("include[]", "logprobs")]),
        ({"keywords": ["Auricle", "a, b"]}, [("keywords[]", "Auricle"), ("keywords[]", "a, b")]),
        ({"temperature": 0.2, "vad": False}, [("temperature", "0.2"), ("vad", "false")]),
        ({"beam_size": 1}, [("beam_size", "1")]),
        ({"chunking_strategy": "auto"}, [("chunking_strategy", "auto")]),
        (
            {"chunking_strategy": {"type": "server_vad", "threshold": 0.3}},
            [("chunking_strategy", '{"type": "server_vad", "threshold": 0.3}')],
        ),
        (
            {"extra": {"new": True, "more": [1, 2]}},
            [("new", "true"), ("more[]", "1"), ("more[]", "2")],
        ),
    ],
)
def test_written(fields, expected):
    start = [("model", "whisper-1"), ("response_format", "json")]
    assert list(written("whisper-1", "json", fields)) == start + expected


def test_every_field_of_the_server_has_a_name():
    """A field that is new to the server needs a line in `Fields`."""
    served = {field.name for field in FIELDS}
    own = {"file", "model", "response_format", "stream"}
    assert served - own - Fields.__annotations__.keys() == set()


def test_a_name_that_is_none_is_refused():
    """A server ignores what it does not know, so nobody would notice."""
    fields: Fields = {"langauge": "de"}  # type: ignore[typeddict-unknown-key]  # what is refused
    with pytest.raises(TypeError, match="unknown field 'langauge'; known are audio_context, "):
        list(written("whisper-1", "json", fields))


@pytest.mark.parametrize(
    ("given", "fields", "expected"),
    [
        ("srt", {"logprobs": True}, "srt"),
        (None, {}, "verbose_json"),
        (None, {"words": True}, "verbose_json"),
        (None, {"logprobs": True}, "json"),
        (None, {"include": ["logprobs"]}, "json"),
        (None, {"logprobs": True, "words": True}, "verbose_json"),
    ],
)
def test_the_format_when_none_is_given(given, fields, expected):
    assert chosen_format(given, fields) == expected

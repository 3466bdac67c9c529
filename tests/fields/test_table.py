"""The table of fields is consistent, and everything made from it agrees with it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from auricle.fields.field import Field
from auricle.fields.kinds import LISTS, Choice, Number, Switch, Whole
from auricle.fields.table import BY_NAME, FIELDS
from auricle.output.formats import Style
from auricle.server.fields.audio_request import AudioRequest, parse
from auricle.settings.config import Settings
from auricle.types import DecodeOptions

BY_RULE = {
    "task",
    "words",
    "logprobs",
    "vad_threshold",
    "audio_channel",
    "speakers",
    "keyword_boosts",
}
"""What of the options no field of that name says: the path, the style, chunking_strategy,
Deepgram's ``multichannel``, what is said about speakers, and Deepgram's boosts of keywords."""

STANDING_IN = [field for field in FIELDS if field.is_setting]


def name(field: Field) -> str:
    return field.name


def test_every_name_stands_once_and_leads_somewhere():
    assert len(BY_NAME) == len(FIELDS)
    named = {field.is_same_as or field.name for field in FIELDS}
    named |= {field.needs.name for field in FIELDS if field.needs}
    named |= {each.name for field in FIELDS for each in field.excludes}
    assert named - BY_NAME.keys() == set()


def test_every_option_has_a_field():
    """An attribute of the options that no field fills would be out of reach of every client."""
    read = {field.name for field in FIELDS if field.goes_to == "decode" and not field.is_same_as}
    assert {each.name for each in fields(DecodeOptions)} == read | BY_RULE


def test_the_defaults_of_options_style_and_settings_agree():
    wanted = AudioRequest("base", DecodeOptions(), Style(), stream=False)
    assert parse([("model", "base")], "transcribe", Settings()) == wanted


@pytest.mark.parametrize("field", STANDING_IN, ids=name)
def test_a_setting_that_stands_in_for_a_field_takes_what_the_field_takes(field: Field):
    [setting] = [each for each in fields(Settings) if each.name == field.name]
    low, high = (getattr(field.kind, bound, None) for bound in ("low", "high"))
    assert (setting.default, setting.metadata["help"]) == (field.default, field.help)
    assert (setting.metadata["low"], setting.metadata["high"]) == (low, high)
    kind: Any = get_type_hints(Settings)[field.name]
    expected = {Switch: bool, Whole: int, Number: float}.get(type(field.kind))
    if expected is not None:
        assert kind is expected
    else:
        assert isinstance(field.kind, Choice)
        assert get_args(kind) == field.kind.words


@pytest.mark.parametrize("field", FIELDS, ids=name)
def test_a_schema_is_one_and_its_default_fits(field: Field):
    Draft202012Validator.check_schema(field.schema)
    if "default" in field.schema:
        assert Draft202012Validator(field.schema).is_valid(field.schema["default"])
    is_list = isinstance(field.kind, LISTS) and field.schema["type"] == "array"
    assert field.form_name.endswith("[]") is is_list


def test_a_description_says_what_a_field_needs_and_what_it_contradicts():
    assert BY_NAME["max_line_count"].description == (
        "Extension: lines of a subtitle at most; 0 as many as it takes. For response_format srt or "
        "vtt only. Can contradict max_line_width (lines cannot be counted while they may be of any "
        "width (max_line_width 0))."
    )

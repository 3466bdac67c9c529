"""What users write for a language, and the table it leads into."""

from __future__ import annotations

import pytest

from auricle.whisper import languages


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("en", "en"),
        (" EN ", "en"),
        ("English", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("zh-Hant-TW", "zh"),
        ("zh-yue", "yue"),
        ("yue-HK", "yue"),
        ("Cantonese", "yue"),
        ("haitian  creole", "ht"),
        ("haw", "haw"),
        ("deu", "de"),
        ("ger", "de"),
        ("cmn", "zh"),
        ("jv", "jw"),
        ("iw", "he"),
        ("nb-NO", "no"),
        ("Castilian", "es"),
        ("burmese", "my"),
        ("", None),
        ("auto", None),
        ("klingon", None),
        ("xx", None),
        ("enx", None),
        ("english-US", None),
    ],
)
def test_parse(text, code):
    assert languages.parse(text) == code


def test_hundred_languages_in_token_order():
    codes = list(languages.NAMES)
    assert len(codes) == 100
    assert codes[:3] == ["en", "zh", "de"]
    assert codes[-3:] == ["jw", "su", "yue"]
    assert all(languages.parse(name) == code for code, name in languages.NAMES.items())


def test_other_codes_lead_into_the_table():
    assert set(languages._OTHER_CODES.values()) < set(languages.NAMES)
    assert not set(languages._OTHER_CODES) & set(languages.NAMES)

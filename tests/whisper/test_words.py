"""Words of a text: what belongs together, and that nothing of the text is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.whisper.words import WITHOUT_SPACES, Spoken, split


def _texts(tokens: list[str], language: str = "en") -> list[str]:
    return [word.text for word in split([token.encode() for token in tokens], language)]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([" Hello", " there", "."], [" Hello", " there."]),
        ([" un", "believ", "able"], [" unbelievable"]),
        ([" fellow", "-", "americans"], [" fellow-americans"]),
        ([" don", "'t"], [" don't"]),
        ([" 3", ".", "5", "%"], [" 3.5%"]),
        ([" He", " said", ":", ' "', "Yes", '."'], [" He", " said:", ' "Yes."']),
        ([" (", "well", ")", " no"], [" (well)", " no"]),
        ([" one", " -", " two"], [" one", " - two"]),
        ([" Pourquoi", " ?", " Oui", " !"], [" Pourquoi ?", " Oui !"]),
        ([" ¿", "Qué", "?", " «", "s", "í", "»"], [" ¿Qué?", " «sí»"]),
        ([" R", " &", " D"], [" R", " &", " D"]),
        ([" ..."], [" ..."]),
        ([" ("], [" ("]),
        (["Hello", " ", " world", " "], ["Hello", "  world"]),
        ([" ", "Hi"], [" Hi"]),
        (["", " a", ""], [" a"]),
        ([" \n"], []),
        ([], []),
    ],
)
def test_words_between_spaces(tokens: list[str], words: list[str]) -> None:
    assert _texts(tokens) == words


@pytest.mark.parametrize(
    ("language", "tokens", "words"),
    [
        ("zh", ["你好", "世界", "。"], ["你好", "世界。"]),
        ("zh", ["「", "好", "」", "，", "他"], ["「好」，", "他"]),
        ("ja", ["i", "Phone", "は", "15", "0", "円"], ["iPhone", "は", "150", "円"]),
        ("ja", [" ", "はい"], [" はい"]),
        ("th", ["ก", "ำ", "ลั", "ง"], ["ก", "ำ", "ลั", "ง"]),
        ("th", ["ท", "ี", "่", "ไ"], ["ที่", "ไ"]),
        ("yue", ["我", " OK", "!"], ["我", " OK!"]),
        ("ko", ["안", "녕", " 하"], ["안녕", " 하"]),
    ],
)
def test_languages_without_spaces(language: str, tokens: list[str], words: list[str]) -> None:
    assert _texts(tokens, language) == words


def test_tokens_that_share_a_character_stay_together() -> None:
    raw = "你好嗎".encode()
    tokens = [raw[:2], raw[2:4], raw[4:6], raw[6:7], raw[7:9]]
    assert split(tokens, "zh") == [Spoken("你好", 0, 3), Spoken("嗎", 3, 5)]


def test_bytes_that_are_no_text_are_shown_and_not_dropped() -> None:
    words = split([b" a\xe2\x80", b" b", b"\xe4"], "en")
    assert words == [Spoken(" a\ufffd b\ufffd", 0, 3)]


_TEXT = st.text(st.sampled_from(" ab7.,¿\"'-(」「。你好ี่é€\n"), max_size=25)


@given(_TEXT, st.lists(st.integers(1, 3), max_size=60), st.sampled_from(["en", "zh", "th"]))
def test_words_are_the_text_and_use_every_token_once(
    text: str, lengths: list[int], language: str
) -> None:
    raw = text.encode()
    tokens, at = [], 0
    for length in lengths:
        tokens.append(raw[at : at + length])
        at += length
    words = split(tokens, language)
    said = b"".join(tokens).decode("utf-8", "replace").rstrip()
    assert "".join(word.text for word in words) == said
    assert all(word.text.strip() for word in words)
    assert [word.first for word in words[:1]] == [0] * bool(words)
    assert [word.first for word in words[1:]] == [word.end for word in words[:-1]]
    assert all(word.first < word.end <= len(tokens) for word in words)


@given(st.lists(st.binary(min_size=1, max_size=4), max_size=12), st.sampled_from(["en", "ja"]))
def test_any_bytes_make_words(tokens: list[bytes], language: str) -> None:
    said = b"".join(tokens).decode("utf-8", "replace").rstrip()
    assert "".join(word.text for word in split(tokens, language)) == said


def test_the_languages_written_without_spaces_are_those_of_the_reference() -> None:
    assert {"zh", "ja", "th", "lo", "my", "yue"} == WITHOUT_SPACES

"""Words, their text, and what is filtered and replaced in them, as Deepgram writes it."""

from __future__ import annotations

import pytest

from auricle.server.dialects.deepgram import formatting
from auricle.server.dialects.deepgram.formatting import (
    Formatting,
    Replacement,
    WordBody,
    WrittenWord,
)
from auricle.server.dialects.deepgram.layout import Sentence, paragraphs, utterances
from auricle.types import Word

PLAIN = Formatting()
PUNCTUATED = Formatting(punctuate=True)


def words(text: str, gap_s: float = 0.0) -> tuple[Word, ...]:
    """Half a second each; ``|`` before a word is a longer pause before it."""
    found: list[Word] = []
    at_s = 0.0
    for each in text.split(" "):
        at_s += gap_s if each.startswith("|") else 0.0
        found.append(Word(f" {each.lstrip('|')}", at_s, at_s + 0.5, 0.5 + 0.01 * len(found)))
        at_s += 0.5
    return tuple(found)


def written(text: str, style: Formatting, language: str = "en") -> str:
    return formatting.text(formatting.written_words(words(text), style, language), style)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Hello, World!", "hello world"),
        ("For the U.S. it's $5, or 50%.", "for the u.s it's $5 or 50%"),
        ("“Well,” he said… twenty-five?", "well he said twenty-five"),
        ("Yes - no", "yes no"),
    ],
)
def test_without_punctuation_there_are_small_words(text: str, plain: str) -> None:
    assert written(text, PLAIN) == plain


def test_with_punctuation_the_text_is_that_of_the_words() -> None:
    said = formatting.written_words(words("Hello, World! - Yes."), PUNCTUATED, "en")
    assert formatting.text(said, PUNCTUATED) == "Hello, World! Yes."
    assert formatting.bodies(said, PUNCTUATED, languages=False) == (
        WordBody("hello", 0.0, 0.5, 0.5, "Hello,"),
        WordBody("world", 0.5, 1.0, 0.51, "World!"),
        WordBody("yes", 1.5, 2.0, 0.53, "Yes."),
    )
    assert formatting.bodies(said[:1], PLAIN, languages=True) == (
        WordBody("hello", 0.0, 0.5, 0.5, language="en"),
    )


def test_languages_without_spaces_are_joined_without() -> None:
    chinese = (Word("你好", 0.0, 0.5, 0.9), Word("世界。", 0.5, 1.0, 0.8))
    said = formatting.written_words(chinese, PUNCTUATED, "zh")
    assert formatting.text(said, PUNCTUATED) == "你好世界。"
    assert formatting.text(said, PLAIN) == "你好世界"


def test_the_confidence_of_a_text_is_the_upper_median_of_its_words() -> None:
    assert [
        formatting.confidence(formatting.written_words(words(text), PLAIN, None))
        for text in ("a b c", "a b c d", "a")
    ] == [0.51, 0.52, 0.5]
    assert formatting.confidence(()) == 0.0


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Um, hello, uh, there.", "Hello, there."),
        ("I think, um.", "I think."),
        ("So. Uh, yes.", "So. Yes."),
        ("Um", ""),
        ("The umbrella.", "The umbrella."),
    ],
)
def test_filler_words_are_left_out_of_english(text: str, left: str) -> None:
    assert written(text, PUNCTUATED) == left
    assert written(text, Formatting(punctuate=True, filler_words=True)) == text


def test_what_fills_in_english_is_a_word_in_german() -> None:
    assert written("Es geht um alles.", PUNCTUATED, "de") == "Es geht um alles."


def test_profanity_is_masked_letter_by_letter() -> None:
    style = Formatting(punctuate=True, profanity_filter=True)
    assert written("Holy shit, that is a Shiitake.", style) == "Holy ****, that is a Shiitake."
    said = formatting.written_words(words("Shit!"), style, "en")
    assert formatting.bodies(said, style, languages=False)[0].word == "****"


def test_words_are_replaced_and_share_the_time_of_the_old() -> None:
    style = Formatting(
        punctuate=True, replacements=(Replacement(("big", "apple"), ("New", "York")),)
    )
    said = formatting.written_words(words("The Big Apple, yes."), style, "en")
    assert formatting.text(said, style) == "The New York, yes."
    assert [(each.start_s, each.end_s) for each in said] == [
        (0.0, 0.5),
        (0.5, 1.0),
        (1.0, 1.5),
        (1.5, 2.0),
    ]


@pytest.mark.parametrize(
    ("find", "by", "text"),
    [("apple", (), "An a day, and an."), ("Apple", ("pear",), "An apple a day, and an pear.")],
)
def test_capitals_in_what_is_replaced_count_and_nothing_deletes(
    find: str, by: tuple[str, ...], text: str
) -> None:
    style = Formatting(punctuate=True, replacements=(Replacement((find,), by),))
    said = written("An apple a day, and an Apple.", style)
    assert said == text.replace("an.", "an")


def test_paragraphs_begin_after_pauses_and_some_sentences() -> None:
    said = formatting.written_words(words("One. Two three. |Four.", 2.0), PUNCTUATED, "en")
    found = paragraphs(said, PUNCTUATED)
    assert found.transcript == "\nOne. Two three.\n\nFour."
    assert [(each.start, each.end, each.num_words) for each in found.paragraphs] == [
        (0.0, 1.5, 3),
        (3.5, 4.0, 1),
    ]
    assert found.paragraphs[0].sentences == (
        Sentence("One.", 0.0, 0.5),
        Sentence("Two three.", 0.5, 1.5),
    )
    many = formatting.written_words(words(" ".join(["Yes."] * 12)), PUNCTUATED, "en")
    assert [len(each.sentences) for each in paragraphs(many, PUNCTUATED).paragraphs] == [5, 5, 2]
    assert paragraphs((), PUNCTUATED).transcript == ""


def test_utterances_end_at_pauses() -> None:
    said = formatting.written_words(words("One two |three", 0.8), PLAIN, "en")
    found = utterances(said, 0.8, PLAIN, 1, languages=False)
    assert [(each.start, each.end, each.transcript, each.channel) for each in found] == [
        (0.0, 1.0, "one two", 1),
        (1.8, 2.3, "three", 1),
    ]
    assert found[0].id != found[1].id
    assert len(utterances(said, 0.81, PLAIN, 0, languages=False)) == 1


def test_a_new_speaker_begins_paragraphs_and_utterances() -> None:
    said = (
        WrittenWord("Yes", 0.0, 0.5, 0.9, speaker=0),
        WrittenWord("no.", 0.5, 1.0, 0.9, speaker=1),
    )
    assert [each.speaker for each in paragraphs(said, PUNCTUATED).paragraphs] == [0, 1]
    found = utterances(said, 0.8, PUNCTUATED, 0, languages=False)
    assert [(each.speaker, each.transcript) for each in found] == [(0, "Yes"), (1, "no.")]

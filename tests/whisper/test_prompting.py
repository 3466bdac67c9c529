"""What a model is told comes in the order, and within the room, that Whisper has for it."""

from __future__ import annotations

import pytest

from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.types import DecodeOptions, Language
from auricle.whisper import prompting
from auricle.whisper.keywords import BOOST
from auricle.whisper.vocabulary import Vocabulary

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load(locate("base", Settings()).path)


@pytest.mark.parametrize(
    ("prompt", "keywords", "told"),
    [
        (None, (), None),
        ("  ", (), None),
        (" Hello there. ", (), " Hello there."),
        (None, ("Quixel", "Anil Brondex"), " Quixel, Anil Brondex."),
        ("Hello.", ("Quixel",), " Quixel. Hello."),
    ],
)
def test_the_context(vocabulary: Vocabulary, prompt, keywords, told):
    ids = prompting.context(vocabulary, prompt, keywords)
    if told is None:
        assert ids == ()
    else:
        assert ids[0] == vocabulary.sot_prev
        assert vocabulary.decode(ids[1:]) == told


def test_a_long_prompt_keeps_its_end_and_keywords_their_beginning(vocabulary: Vocabulary):
    keywords = tuple(f"Quixel{n}" for n in range(100))
    alone = prompting.context(vocabulary, None, keywords)
    assert 200 < len(alone) <= 224
    assert vocabulary.decode(alone).startswith(" Quixel0, Quixel1,")
    assert vocabulary.decode(alone).endswith(".")
    both = prompting.context(vocabulary, "first " + "word " * 300 + "last", keywords)
    assert len(both) == 224
    text = vocabulary.decode(both)
    assert text.startswith(" Quixel0, Quixel1,")
    assert "first" not in text
    assert text.endswith("word word last")
    assert text.count("word") > 100


def test_a_keyword_longer_than_the_room_is_left_out(vocabulary: Vocabulary):
    assert prompting.context(vocabulary, None, ("ж" * 1000,)) == ()


def test_keywords_are_told_and_expected_unless_they_are_not_to_be_said(vocabulary: Vocabulary):
    boosts = (("Brondex", 2.0), ("Ann", 0.0), ("Bob", -1.0))
    options = DecodeOptions(keywords=("Quixel", "Brondex", "Ann", "Bob"), keyword_boosts=boosts)
    prompt = prompting.prompt(vocabulary, options, "en")
    assert vocabulary.decode(prompt.ids) == " Quixel, Brondex."
    expected = {vocabulary.decode(each.ids): each.boost for each in prompt.expected}
    assert expected == {" Quixel": BOOST, " Brondex": 2 * BOOST, " Bob": -BOOST}
    assert prompting.prompt(vocabulary, DecodeOptions(prompt="Ann"), "en").expected == ()


def test_the_prefix_stands_behind_a_timestamp(vocabulary: Vocabulary):
    ids = prompting.prefix(vocabulary, " And so ")
    assert (ids[0], vocabulary.decode(ids)) == (vocabulary.first_timestamp, " And so")
    assert len(prompting.prefix(vocabulary, "word " * 200)) == 101
    assert prompting.prefix(vocabulary, " ") == ()


FOUND = [("<|en|>", 0.7), ("<|de|>", 0.2), ("<|nl|>", 0.1)]


@pytest.mark.parametrize(
    ("allowed", "language"),
    [
        ((), Language("en", 0.7)),
        (("nl", "de"), Language("de", 0.2)),
        (("nl",), Language("nl", 0.1)),
    ],
)
def test_detection_chooses_from_what_is_allowed(vocabulary: Vocabulary, allowed, language):
    assert prompting.likeliest(vocabulary, FOUND, allowed) == language


def test_a_language_the_model_does_not_know_is_an_error(vocabulary: Vocabulary):
    with pytest.raises(ValueError, match="none of yue is a language of this model"):
        prompting.likeliest(vocabulary, FOUND, ("yue",))


def test_only_text_is_suppressed(vocabulary: Vocabulary):
    ids = [-5, -1, 11, vocabulary.eot, 10**9]
    assert prompting.suppressed(vocabulary, ids) == (-1, 11)

"""A turn's language is detected until it is sure, and nothing is committed before."""

from __future__ import annotations

import pytest

from auricle.live.effects import Effect, Final, ReadResult, ReadWanted, Update
from auricle.live.language import decided
from auricle.live.session import LiveSession
from auricle.types import Language
from tests.live.saying import begun, heard, pause, session, speak, words

EN, ES = Language("en", 0.9), Language("es", 0.9)
CERTAIN_EN, CERTAIN_ES = Language("en", 0.96), Language("es", 0.96)
PERHAPS_EN, PERHAPS_ES = Language("en", 0.5), Language("es", 0.5)


@pytest.mark.parametrize(
    ("found", "heard_s", "known", "expected"),
    [
        (Language("en"), 0.3, None, Language("en")),  # given, not detected
        (CERTAIN_EN, 1.0, None, CERTAIN_EN),
        (CERTAIN_EN, 0.9, None, None),  # less than a second says little
        (EN, 2.4, None, None),  # Ukrainian is Russian for so long
        (EN, 2.5, None, EN),
        (PERHAPS_EN, 3.4, None, None),
        (PERHAPS_EN, 3.5, None, PERHAPS_EN),  # no more to wait for
        (Language("en", 0.8), 1.0, EN, Language("en", 0.8)),  # as before
        (EN, 0.9, EN, None),
        (Language("en", 0.75), 1.0, EN, None),  # German, at first, behind English
        (PERHAPS_EN, 2.5, EN, PERHAPS_EN),
        (ES, 1.5, EN, None),
        (ES, 2.5, EN, ES),  # a sure change is one
        (CERTAIN_ES, 1.0, EN, CERTAIN_ES),
        (PERHAPS_ES, 3.4, EN, None),
        (PERHAPS_ES, 3.5, EN, EN),  # a doubtful change is none
        (Language("es", 0.6), 3.5, EN, Language("es", 0.6)),  # likelier than all others is one
    ],
)
def test_when_a_language_is_decided(found, heard_s, known, expected):
    assert decided(found, heard_s, known) == expected


@pytest.mark.parametrize(
    ("found", "heard_s", "known", "expected"),
    [
        (PERHAPS_ES, 0.5, None, PERHAPS_ES),
        (PERHAPS_ES, 2.0, EN, EN),
        (Language("en", 0.3), 0.5, EN, Language("en", 0.3)),
        (ES, 1.0, EN, ES),
        (ES, 0.9, EN, EN),
        (Language("es", 0.6), 3.5, EN, Language("es", 0.6)),
    ],
)
def test_what_it_is_when_there_is_no_more(found, heard_s, known, expected):
    assert decided(found, heard_s, known, is_over=True) == expected


def turn(live: LiveSession, said: str, language: Language) -> list[Effect]:
    """Say ``said`` in 1.6 s, then pause until the turn has ended: the effects of all answers."""
    start_s = live.now_s + 0.3
    speak(live, 1.6)
    effects = live.answer(begun(live).id, heard(said, start_s, language))
    pause(live, 0.64)
    return effects + live.answer(begun(live).id, heard(said, start_s, language))


def finals(effects: list[Effect]) -> list[Final]:
    return [effect for effect in effects if isinstance(effect, Final)]


def test_nothing_is_committed_while_the_language_is_open():
    live = session(language=None)
    speak(live, 1.6)
    for said in ("ask", "ask not"):
        request = begun(live)
        assert request.language is None
        effects = live.answer(request.id, heard(said, 0.0, PERHAPS_EN))
        assert effects[0] == Update(1, (), words(said))
        speak(live, 0.32)


def test_once_sure_the_turn_is_read_in_its_language():
    """The reading that decided it was made before anything was sure, so it commits nothing."""
    live = session(language=None)
    speak(live, 1.6)
    live.answer(begun(live).id, heard("ask not", 0.0, PERHAPS_EN))
    speak(live, 0.32)
    assert live.answer(begun(live).id, heard("ask not", 0.0, CERTAIN_EN)) == []
    speak(live, 0.32)
    request = begun(live)
    assert request.language == "en"
    assert live.answer(request.id, heard("ask not", 0.0, Language("en"))) == [
        Update(1, words("ask not")[:1], words("ask not")[1:])
    ]


def test_a_short_turn_is_in_the_likeliest_language():
    live = session(language=None)
    [*_, final] = turn(live, "no", PERHAPS_ES)
    assert final == Final(1, 0.0, 2.24, words("no", 0.3), PERHAPS_ES)


def early(live: LiveSession, said: str, language: Language) -> list[Effect]:
    """Say ``said`` in 1.6 s, and have it read as well as possible before the turn has ended."""
    start_s = live.now_s + 0.3
    speak(live, 1.6)
    pause(live, 0.32)
    effects = live.answer(begun(live).id, heard(said, start_s, language))
    return effects + pause(live, 0.64)


def test_what_was_read_before_the_turn_ended_has_a_language_too():
    live = session(language=None)
    [*_, final] = early(live, "no", PERHAPS_ES)
    assert final == Final(1, 0.0, 2.24, words("no", 0.3), PERHAPS_ES)


def test_a_short_turn_in_a_doubtful_language_is_read_in_that_of_the_turns_before():
    """Two words of German seemed to be French, and were written in it."""
    live = session(language=None)
    turn(live, "oh well my old", EN)
    pause(live, 3.2)
    effects = early(live, "know", PERHAPS_ES)
    assert finals(effects) == []
    request = begun(live)
    assert (request.kind, request.language) == ("final", "en")
    [*_, final] = live.answer(request.id, heard("no", 6.0, Language("en")))
    assert isinstance(final, Final)
    assert (final.words, final.language) == (words("no", 6.0), EN)


@pytest.mark.parametrize("seconds", [0.32, 0.64])  # while the turn is open, and behind its end
@pytest.mark.parametrize("each_s", [0.3, 0.02])  # a loop, and nothing that can have been said
def test_what_cannot_have_been_said_in_a_doubtful_language(seconds, each_s):
    """Ukrainian seemed to be Armenian, in which the same was said on and on: nothing was left."""
    live = session(language=None)
    turn(live, "oh well my old", EN)
    pause(live, 3.2)
    speak(live, 1.6)
    pause(live, seconds)
    live.answer(begun(live).id, ReadResult(words("em " * 20, 6.0, each_s), PERHAPS_ES))
    pause(live, 0.64)
    request = begun(live)
    assert (request.kind, request.language) == ("final", "en")
    [*_, final] = live.answer(request.id, heard("no", 6.0, Language("en")))
    assert isinstance(final, Final)
    assert (final.words, final.language) == (words("no", 6.0), EN)


def test_the_end_of_a_turn_in_a_doubtful_language_is_read_again_as_well():
    live = session(language=None)
    turn(live, "oh well my old", EN)
    pause(live, 3.2)
    effects = turn(live, "know", PERHAPS_ES)
    assert finals(effects) == []
    assert begun(live).language == "en"


def test_words_are_not_committed_in_a_pause_in_a_language_that_is_doubtful():
    """Nor are they read once more when the speaker goes on."""
    live = session(language=None, ending="manual")
    turn(live, "oh well my old", EN)
    live.commit()
    pause(live, 3.2)
    early(live, "know", PERHAPS_ES)
    request = begun(live)
    assert (request.kind, request.language, request.prefix) == ("final", "en", ())
    effects = live.answer(request.id, heard("no", 6.0, Language("en")))
    assert [each.committed for each in effects if isinstance(each, Update)][-1] == words("no", 6.0)
    speak(live, 0.64)
    assert begun(live).prefix == (2,)


def test_one_wrong_guess_does_not_decide_the_session():
    """A rival's user had a whole session in Welsh after one guess on the first words."""
    live = session(language=None)
    turn(live, "well", Language("cy", 0.6))
    pause(live, 3.2)
    speak(live, 1.6)
    assert begun(live).language is None


def test_the_language_may_change_from_turn_to_turn():
    live = session(language=None)
    assert [final.language for final in finals(turn(live, "hello", EN))] == [EN]
    pause(live, 3.2)
    assert [final.language for final in finals(turn(live, "hola", ES))] == [ES]


def close(live: LiveSession, first: str, language: Language) -> None:
    """A first turn of 1.6 s, and speech close behind it, of which nothing was read yet."""
    turn(live, first, language)
    pause(live, 0.32)
    speak(live, 1.6)


def test_words_before_a_turn_say_nothing_of_its_language():
    """A turn close behind another would have its words in the window, and their language."""
    live = session(language=None)
    close(live, "oh well my old", EN)
    request = begun(live)
    assert (request.start_s, request.prefix, request.language) == (2.24, (), None)
    live.answer(request.id, heard("hola amigo", 2.9, CERTAIN_ES))
    speak(live, 0.32)
    request = begun(live)
    assert (request.start_s, request.prefix, request.language) == (2.24, (), "es")


def test_in_the_same_language_they_help():
    live = session(language=None)
    close(live, "oh well my old", EN)
    assert live.answer(begun(live).id, heard("my friend", 2.9, EN)) == [
        Update(2, (), words("my friend", 2.9))
    ]
    speak(live, 0.32)
    request = begun(live)
    assert (request.start_s, request.prefix, request.language) == (0.0, (2, 4, 2, 3), "en")


def test_what_decided_the_language_is_read_again_if_it_is_all_there_is():
    live = session(language=None)
    close(live, "oh well my old", EN)
    pause(live, 0.64)
    request = begun(live)
    assert (request.kind, request.prefix, request.language) == ("final", (), None)
    assert live.answer(request.id, heard("my friend", 2.9, EN)) == [ReadWanted("final")]
    request = begun(live)
    assert (request.kind, request.start_s, request.prefix) == ("final", 0.0, (2, 4, 2, 3))
    [*_, final] = live.answer(request.id, heard("my friend", 2.9, Language("en")))
    assert isinstance(final, Final)
    assert final.words == words("my friend", 2.9)


def test_silence_has_no_language():
    live = session(language=None)
    speak(live, 1.6)
    pause(live, 0.64)
    effects = live.answer(begun(live).id, ReadResult((), PERHAPS_EN))
    assert effects == [Final(1, 0.0, 2.24, (), None)]


def test_another_language_in_a_turn_is_detected_where_it_begins():
    """Whoever went on in English after Spanish was not written down any more: a model that is told
    to hear Spanish hears nothing."""
    live = session(language=None, ending="manual")
    speak(live, 1.6)
    live.answer(begun(live).id, heard("una frase", 0.0, ES))
    pause(live, 0.64)
    live.answer(begun(live).id, heard("una frase", 0.0, ES))
    speak(live, 2.24)
    pause(live, 0.48)
    request = begun(live)
    assert (request.kind, request.language, request.prefix) == ("final", "es", (3, 5))
    lasting = words("corta", 0.6, 3.6)  # as it seems, over all that was not understood
    effects = live.answer(request.id, ReadResult(lasting, ES))
    corta = words("corta", 0.6, 1.5)
    assert effects == [Update(1, corta, ()), ReadWanted("final")]
    request = begun(live)
    assert (request.start_s, request.prefix, request.language) == (2.24, (), None)
    effects = live.answer(request.id, heard("and one", 2.4, EN))
    assert effects[0] == Update(1, (), words("and one", 2.4))
    [final] = finals(live.commit())
    said = (*words("una frase"), *corta, *words("and one", 2.4))
    assert (final.words, final.language) == (said, EN)


def test_what_cannot_have_been_said_is_not_written_before_another_language():
    """In Hindi nothing was heard but ones, for seconds: what followed was detected anew."""
    live = session(language=None)
    speak(live, 1.6)
    live.answer(begun(live).id, heard("una frase", 0.0, CERTAIN_ES))
    speak(live, 2.24)
    pause(live, 0.48)
    ones = words("1." * 60, 0.6, 2.6)
    effects = live.answer(begun(live).id, ReadResult((*words("una frase"), *ones), ES))
    assert effects == [Update(1, words("una frase"), ()), ReadWanted("final")]


def late(live: LiveSession) -> None:
    """Read a turn of 4.8 s, of which nothing was read before, as two words at its end."""
    speak(live, 2.4)
    pause(live, 0.32)
    speak(live, 1.6)
    pause(live, 0.48)
    request = begun(live)
    assert (request.kind, request.start_s, request.language) == ("final", 0.0, None)
    assert live.answer(request.id, heard("una frase", 3.0, ES)) == [ReadWanted("final")]


def test_the_beginning_of_a_turn_may_be_in_another_language():
    """Where all of it was heard at once, only the Spanish behind the English was written down."""
    live = session(language=None, ending="manual")
    late(live)
    request = begun(live)
    assert (request.start_s, request.end_s, request.language) == (0.0, 3.0, None)
    effects = live.answer(request.id, heard("well and one", 0.3, EN))
    assert effects == [Update(1, words("well and one", 0.3), ()), ReadWanted("final")]
    request = begun(live)
    assert (request.start_s, request.prefix, request.language) == (1.2, (), None)
    assert request.end_s == pytest.approx(4.72)
    live.answer(request.id, heard("una frase", 3.0, ES))
    [final] = finals(live.commit())
    said = (*words("well and one", 0.3), *words("una frase", 3.0))
    assert (final.words, final.language) == (said, ES)


@pytest.mark.parametrize(
    "beginning", [heard("una", 0.3, ES), heard("well", 0.3, PERHAPS_EN), ReadResult((), EN)]
)
def test_what_is_not_surely_another_language_is_read_as_one(beginning):
    """Noise before speech may seem to be in any."""
    live = session(language=None, ending="manual")
    late(live)
    assert live.answer(begun(live).id, beginning) == [ReadWanted("final")]
    request = begun(live)
    assert request.start_s == 0.0
    assert request.end_s == pytest.approx(4.72)
    live.answer(request.id, heard("una frase", 3.0, ES))
    [final] = finals(live.commit())
    assert final.words == words("una frase", 3.0)


def test_a_language_that_was_given_is_not_detected_anew():
    live = session(ending="manual")
    speak(live, 3.2)
    pause(live, 0.48)
    assert live.answer(begun(live).id, heard("well", 0.0)) == [Update(1, (), words("well"))]


def test_short_pieces_of_speech_behind_what_was_read_count_together():
    """With breaths between them, none was long enough by itself."""
    live = session(language=None, ending="manual")
    speak(live, 1.6)
    live.answer(begun(live).id, heard("una frase", 0.0, ES))
    pause(live, 0.64)
    live.answer(begun(live).id, heard("una frase", 0.0, ES))
    speak(live, 0.64)
    pause(live, 0.32)
    speak(live, 0.64)
    pause(live, 0.48)
    request = begun(live)
    assert (request.kind, request.language) == ("final", "es")
    live.answer(request.id, ReadResult(words("corta", 0.6, 0.8), ES))
    request = begun(live)
    assert (request.start_s, request.language) == (2.24, None)

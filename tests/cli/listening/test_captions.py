"""Captions as somebody sees them: committed text stands, tentative text is dim and replaced."""

from __future__ import annotations

import io

from auricle.cli.listening.captions import Captions
from auricle.cli.listening.speech import Caption, FinishedTurn, Note
from tests.cli.listening.terminal import Terminal


def on_terminal(columns: int = 80) -> tuple[Terminal, Captions]:
    terminal = Terminal()
    return terminal, Captions(terminal, lambda: columns)


def said(text: str) -> FinishedTurn:
    return FinishedTurn(0.0, 1.0, text)


def test_tentative_text_is_dim_and_replaced():
    terminal, captions = on_terminal()
    captions.show(Caption("turn on", " the knight"))
    assert terminal.rows == ["turn on[ the knight]"]
    captions.show(Caption("turn on the", " light"))
    assert terminal.rows == ["turn on the[ light]"]
    captions.show(said("turn on the light."))
    assert terminal.rows == ["turn on the light.", ""]
    captions.show(Caption("", "and"))
    assert terminal.rows == ["turn on the light.", "[and]"]
    captions.close()
    assert terminal.rows == ["turn on the light.", ""]


def test_long_text_is_wrapped_between_words_and_rewritten_whole():
    terminal, captions = on_terminal(11)
    captions.show(Caption("", "one two three four"))
    assert terminal.rows == ["[one two]", "[three four]"]
    captions.show(Caption("one", " too three"))
    assert terminal.rows == ["one[ too]", "[three]"]
    captions.show(Caption("one too", ""))
    assert terminal.rows == ["one too"]


def test_lines_that_cannot_change_are_left_alone():
    """A turn may be longer than the screen is high: what has scrolled away cannot be rewritten."""
    terminal, captions = on_terminal(11)
    text = ""
    for i in range(20):
        text += f"{' ' if text else ''}word {i:02}"
        captions.show(Caption(text, " may be"))
        assert captions._n_lines <= 3
    rows = [*(f"word {i:02}" for i in range(20)), ""]
    assert terminal.rows == [*rows[:-1], "[may be]"]
    captions.show(said(text))
    assert terminal.rows == rows


def test_a_word_wider_than_the_terminal_is_split():
    terminal, captions = on_terminal(5)
    captions.show(said("abcdefghij"))
    assert terminal.rows == ["abcd", "efgh", "ij", ""]


def test_wide_characters_count_double():
    terminal, captions = on_terminal(7)
    captions.show(said("東京は今日"))
    assert terminal.rows == ["東京は", "今日", ""]


def test_a_note_takes_no_caption_away():
    terminal, errors = Terminal(), io.StringIO()
    captions = Captions(terminal, lambda: 80, errors)
    captions.show(Caption("turn on"))
    captions.show(Note("the end could not be read"))
    assert terminal.rows == [""]
    captions.show(Caption("turn on"))
    assert terminal.rows == ["turn on"]
    assert errors.getvalue() == "auricle: the end could not be read\n"


def test_in_a_pipe_a_turn_is_a_line():
    out = io.StringIO()
    captions = Captions(out, None)
    captions.show(Caption("turn on", " the knight"))
    assert out.getvalue() == ""
    captions.show(said("turn on the light"))
    captions.show(Caption("", ""))
    captions.close()
    assert out.getvalue() == "turn on the light\n"

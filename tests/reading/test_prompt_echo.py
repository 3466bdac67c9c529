"""A text is believed when it was heard without prompt as well, however it was spelled."""

from __future__ import annotations

from typing import Any

import pytest

from auricle.reading import prompt_echo
from auricle.reading.text import WindowText
from auricle.types import DecodeOptions, Segment

PROMPT = "Minutes of the board meeting. Present were Siobhan Quixel and Anil Brondex."


def _text(*said: str) -> WindowText:
    figures: dict[str, Any] = {"avg_logprob": -0.3, "compression_ratio": 1.0, "no_speech_prob": 0.1}
    return WindowText(
        tuple(Segment(0.0, 1.0, each, (1,), 0.0, **figures) for each in said), 0.0, **figures
    )


@pytest.mark.parametrize(
    ("said", "options", "is_suspect"),
    [
        ("", DecodeOptions(), False),
        ("", DecodeOptions(prompt=PROMPT), True),
        (" ...", DecodeOptions(keywords=("Quixel",)), True),
        (" Good morning everybody.", DecodeOptions(prompt=PROMPT), False),
        (" The minutes of the board were read.", DecodeOptions(prompt=PROMPT), False),
        (" minutes of the BOARD meeting", DecodeOptions(prompt=PROMPT), True),
        (" Minutes of the board meeting, and so on and on.", DecodeOptions(prompt=PROMPT), True),
        (" And so on: Siobhan Quixel and Anil Brondex.", DecodeOptions(prompt=PROMPT), True),
        (" Quixel.", DecodeOptions(keywords=("Brondex", "Quixel")), True),
        (" Brondex, Quixel.", DecodeOptions(keywords=("Brondex", "Quixel")), True),
        (" I gave it to Quixel.", DecodeOptions(keywords=("Brondex", "Quixel")), False),
        (" And so my", DecodeOptions(prefix="And so my"), True),
        (" And so my fellow Americans", DecodeOptions(prefix="And so my"), False),
    ],
)
def test_what_is_read_again(said: str, options: DecodeOptions, is_suspect: bool) -> None:
    assert prompt_echo.is_suspect(_text(said), options) is is_suspect


@pytest.mark.parametrize(
    ("prompted", "plain", "believed"),
    [
        # nothing was said
        (PROMPT, "", "plain"),
        (PROMPT, " Thank you.", "plain"),
        (" Quixel.", "", "plain"),
        # the prompt took the text away
        ("", " Good morning.", "plain"),
        ("", "", "plain"),
        # it was said, and is spelled as the prompt has it
        (" Siobhan Quixel and Anil Brondex.", " Siobhan quick sell and a Neil Brandex", "prompted"),
        (" Quixel.", " Quick sell.", "prompted"),
        # an echo before or behind what was said
        (PROMPT + " Good morning.", " Good morning.", "plain"),
        (" Good morning. Siobhan Quixel and Anil Brondex.", " Good morning.", "plain"),
        (
            " Good morning. Siobhan Quixel and Anil Brondex.",
            " Good morning. She von Quick sell and a new brand x.",
            "prompted",
        ),
    ],
)
def test_which_text_is_believed(prompted: str, plain: str, believed: str) -> None:
    texts = {"prompted": _text(prompted), "plain": _text(plain)}
    options = DecodeOptions(prompt=PROMPT)
    assert prompt_echo.choose(texts["prompted"], texts["plain"], options) == texts[believed]


def test_keywords_are_not_believed_in_silence() -> None:
    options = DecodeOptions(keywords=("Brondex", "Quixel", "Auricle"))
    prompted, plain = _text(" Brondex, Quixel, Auricle."), _text()
    assert prompt_echo.is_suspect(prompted, options)
    assert prompt_echo.choose(prompted, plain, options) == plain


def test_keywords_that_should_not_be_said_are_no_prompt():
    """Nothing in silence was read once more, and then said what it should not."""
    unwanted = DecodeOptions(keywords=("thank you",), keyword_boosts=(("thank you", -2.0),))
    assert not prompt_echo.has_prompt(unwanted)
    assert prompt_echo.has_prompt(DecodeOptions(keywords=("thank you",)))

"""Whether a text was heard, or only repeated from what the model was told before it listened.

Knows nothing about engines or queues: texts and options in, decisions out.

Whisper takes a prompt for the text before, and in silence or noise it may simply write it again, or
nothing at all. So a text that looks like its prompt, or is empty, is read once more without any;
what that does not confirm was not said.

Why it is so: docs/decisions.md, Decoding.
"""

from __future__ import annotations

from difflib import SequenceMatcher

from auricle.reading.text import WindowText
from auricle.types import DecodeOptions
from auricle.whisper import prompting

MIN_ECHO_LETTERS = 12
"""A beginning or end that is found in the prompt, and so long, makes a text suspect."""

MIN_CONFIRMED = 0.4
"""Share of an echo's letters that must come again, in order, without prompt. Names the model
does not know come out differently spelled, but alike."""


def has_prompt(options: DecodeOptions) -> bool:
    return bool(options.prompt or prompting.named(options) or options.prefix)


def is_suspect(text: WindowText, options: DecodeOptions) -> bool:
    """Whether to read the window again without prompt: it is empty, or may be an echo."""
    if not has_prompt(options):
        return False
    letters = _letters(text.text)
    return not letters or bool(_echoes(letters, options))


def is_begun(text: str, options: DecodeOptions) -> bool:
    """Whether the beginning of a text says something of its own: neither it nor all of the text is
    an echo then, whatever follows. What it ends with may be one."""
    letters = _letters(text)
    shared = (_n_shared(letters, source) for source in _sources(options))
    return bool(letters) and max(shared) < min(MIN_ECHO_LETTERS, len(letters))


def choose(prompted: WindowText, plain: WindowText, options: DecodeOptions) -> WindowText:
    """Which of the two texts of a window to believe: with prompt, unless it is an echo."""
    letters, confirmed = _letters(prompted.text), _letters(plain.text)
    if not letters:
        return plain
    matcher = SequenceMatcher(None, letters, confirmed, autojunk=False)
    blocks = matcher.get_matching_blocks()
    for first, last in _echoes(letters, options):
        n_again = sum(
            max(0, min(last, block.a + block.size) - max(first, block.a)) for block in blocks
        )
        if n_again < MIN_CONFIRMED * (last - first):
            return plain
    return prompted


def _echoes(letters: str, options: DecodeOptions) -> list[tuple[int, int]]:
    """Where the ``letters`` may repeat its prompt: all of it, how it begins, how it ends."""
    sources = _sources(options)
    if letters == _letters(options.prefix or "") or any(letters in source for source in sources):
        return [(0, len(letters))]
    head = max(_n_shared(letters, source) for source in sources)
    tail = max(_n_shared(letters[::-1], source[::-1]) for source in sources)
    return [
        place
        for place in ((0, head), (len(letters) - tail, len(letters)))
        if place[1] - place[0] >= MIN_ECHO_LETTERS
    ]


def _sources(options: DecodeOptions) -> list[str]:
    """What the model was told, in letters."""
    return [_letters(text) for text in (", ".join(prompting.named(options)), options.prompt or "")]


def _n_shared(letters: str, source: str) -> int:
    """How many of the first ``letters`` are found together somewhere in ``source``."""
    low, high = 0, len(letters)
    while low < high:
        middle = (low + high + 1) // 2
        if letters[:middle] in source:
            low = middle
        else:
            high = middle - 1
    return low


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())

"""What a search is asked for, and what it answers: rows and options in, texts out.

Knows nothing about how texts are searched for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from auricle.decoding.rules import SpecialTokens
from auricle.whisper.keywords import ExpectedTokens


class Row(NamedTuple):
    """A window, and what its text begins with."""

    window: int
    prompt: tuple[int, ...]
    """Tokens before the text, the start of the transcript among them."""
    prefix: tuple[int, ...] = ()
    """What the text begins with."""
    seed: int = 0
    is_streamed: bool = False
    """Whether its text is wanted while it grows."""
    draft: tuple[int, ...] = ()
    """How it probably goes on. What is found does not depend on it; as far as it is right, a greedy
    search takes one step for all of it."""
    expected: tuple[ExpectedTokens, ...] = ()
    """What may well come up in it, and is to be found more easily; not where chance is drawn."""


class PartialText(NamedTuple):
    """A text that is not found yet, as far as all its beams agree: what is found says that, too,
    though its timestamps may be others."""

    window: int
    ids: tuple[int, ...]
    """The prefix included; the last is one of text."""
    avg_logprob: float
    """Of these tokens."""
    no_speech_prob: float
    logprobs: tuple[float, ...]
    """Of each of the ids; 0 of what was given."""


class OtherText(NamedTuple):
    """Another text that a search ended with."""

    ids: tuple[int, ...]
    avg_logprob: float
    logprobs: tuple[float, ...]
    """Of each of the ids; 0 of what was given."""
    bonus: float = 0.0
    """As of `FinalText`."""


class FinalText(NamedTuple):
    """The text of a window."""

    window: int
    ids: tuple[int, ...]
    """The prefix included, without end-of-text."""
    avg_logprob: float
    """Of the tokens and end-of-text; what was given, such as the prefix, counts as certain."""
    no_speech_prob: float
    logprobs: tuple[float, ...]
    """Of each of the ids, among all that the rules allow behind the ones before it; 0 of what was
    given."""
    others: tuple[OtherText, ...] = ()
    """The next best texts, where they are wanted, the best first."""
    is_loop: bool = False
    """It was left where it said the same thing over and over."""
    bonus: float = 0.0
    """What the expected terms in it are worth, beside ``avg_logprob`` and as a mean like it."""


@dataclass(frozen=True, slots=True)
class Options:
    """How texts are searched for."""

    beam_size: int
    temperature: float
    max_tokens: int
    patience: float
    suppress: tuple[int, ...]
    """Tokens of text that are never chosen."""
    suppress_first: tuple[int, ...] = ()
    """Tokens of text that no text begins with. Behind a prefix they may come: in Armenian and other
    scripts, words begin with a space that is a token of its own."""
    n_best: int = 1
    """How many of the texts that a search ends with are wanted."""
    stops_on_loops: bool = False
    """Whether a text is left where it says the same thing over and over."""
    trims_loops: bool = False
    """Whether that is done as soon as the best text says a phrase again and again, and what is
    found ends behind the first time."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The special tokens that searching needs."""

    special: SpecialTokens
    start: int
    """``<|startoftranscript|>``, behind which the model says whether anybody speaks."""
    no_speech: int

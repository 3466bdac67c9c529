"""What a model is told before it listens: keywords, the text before, the first words; in tokens.

Knows nothing about audio, weights or jobs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from auricle.types import DecodeOptions, Language, Task
from auricle.whisper.dimensions import MAX_POSITIONS
from auricle.whisper.keywords import ExpectedTokens, expected_tokens, visible
from auricle.whisper.vocabulary import Vocabulary

MAX_PROMPT_TOKENS = MAX_POSITIONS // 2 - 1
"""Half of Whisper's positions, less the token that opens the prompt."""

MAX_KEYWORD_TOKENS = MAX_PROMPT_TOKENS // 2
"""What keywords take at most where there is a prompt as well."""

MAX_PREFIX_TOKENS = 100
"""Leaves room for the text itself behind the longest prompt."""


class Prompt(NamedTuple):
    """What the decoder goes on from."""

    ids: tuple[int, ...]
    """All that comes before the text."""
    prefix: tuple[int, ...] = ()
    """What the text begins with."""
    draft: tuple[int, ...] = ()
    """How it probably goes on; the text does not depend on it."""
    expected: tuple[ExpectedTokens, ...] = ()
    """What may well come up in it."""


def prompt(vocabulary: Vocabulary, options: DecodeOptions, language: str) -> Prompt:
    """All that a request tells the model about a window that is read in ``language``."""
    before = context(vocabulary, options.prompt, named(options))
    first = start(vocabulary, options.task, language)
    return Prompt(
        (*before, *first),
        prefix(vocabulary, options.prefix),
        expected=expected(vocabulary, options),
    )


def expected(vocabulary: Vocabulary, options: DecodeOptions) -> tuple[ExpectedTokens, ...]:
    """What a request says may well come up."""
    return expected_tokens(vocabulary, options.keywords, dict(options.keyword_boosts))


def start(vocabulary: Vocabulary, task: Task, language: str) -> tuple[int, ...]:
    """Tokens that open a transcript: with language and task, if the model takes these."""
    if not vocabulary.multilingual:
        return (vocabulary.sot,)
    does = vocabulary.translate if task == "translate" else vocabulary.transcribe
    return (vocabulary.sot, vocabulary.languages[language], does)


def named(options: DecodeOptions) -> tuple[str, ...]:
    """The keywords that are to be expected, rather than not to be said."""
    boosts = dict(options.keyword_boosts)
    return tuple(term for term in options.keywords if boosts.get(term, 1.0) > 0)


def context(vocabulary: Vocabulary, prompt: str | None, keywords: Sequence[str]) -> tuple[int, ...]:
    """Tokens that precede the transcript: keywords, then the last of the prompt, because what is
    nearest counts most and is most like a transcript. Keywords that do not fit are left out, from
    the end. Empty without either."""
    before = vocabulary.encode(" " + prompt.strip()) if prompt and prompt.strip() else []
    most = min(MAX_PROMPT_TOKENS, max(MAX_KEYWORD_TOKENS, MAX_PROMPT_TOKENS - len(before)))
    terms = _terms(vocabulary, keywords, most)
    room = MAX_PROMPT_TOKENS - len(terms)
    ids = [*terms, *before[max(0, len(before) - room) :]]
    return (vocabulary.sot_prev, *ids) if ids else ()


def _terms(vocabulary: Vocabulary, keywords: Sequence[str], most: int) -> list[int]:
    """As many of the keywords as fit into so many tokens, with commas between them."""
    comma, stop = vocabulary.encode(","), vocabulary.encode(".")
    listed: list[int] = []
    for keyword in keywords:
        if not (spelled := visible(keyword)):
            continue
        ids = vocabulary.encode(" " + spelled)
        if len(listed) + len(ids) + len(stop) > most:
            break
        listed += [*ids, *comma]
    return [*listed[: -len(comma)], *stop] if listed else []


def prefix(vocabulary: Vocabulary, text: str | None) -> tuple[int, ...]:
    """Tokens the transcript begins with, behind a timestamp of 0; empty without a text."""
    if not text or not text.strip():
        return ()
    ids = vocabulary.encode(" " + text.strip())
    return (vocabulary.first_timestamp, *ids[:MAX_PREFIX_TOKENS])


def likeliest(
    vocabulary: Vocabulary, found: Sequence[tuple[str, float]], allowed: Collection[str]
) -> Language:
    """The most probable language of those allowed (empty: all), from language tokens in falling
    order. Its probability stays that among all languages, so that a low one tells that the speech
    is in none of those allowed."""
    codes = {vocabulary.tokens[i]: code for code, i in vocabulary.languages.items()}
    for token, probability in found:
        code = codes.get(token)
        if code is not None and (not allowed or code in allowed):
            return Language(code, float(probability))
    raise ValueError(f"none of {', '.join(allowed)} is a language of this model")


def suppressed(vocabulary: Vocabulary, ids: Sequence[int]) -> tuple[int, ...]:
    """The ids a decoder may be told never to generate: text, or -1 for the model's own list."""
    return tuple(i for i in ids if -1 <= i < vocabulary.eot)

"""What a checkpoint can do of what a request asks.

Knows nothing about requests of other kinds or about engines.
"""

from __future__ import annotations

from dataclasses import replace

from auricle.errors import InvalidRequest
from auricle.models.checkpoint import Checkpoint
from auricle.types import DecodeOptions
from auricle.whisper import languages


def possible(
    options: DecodeOptions, checkpoint: Checkpoint, default_language: str | None
) -> DecodeOptions:
    """The options with their language filled in where it is certain.

    Raises:
        InvalidRequest: the checkpoint does not know the language, does not translate, or gives no
            word times; refused rather than answered with something else.
    """
    only = "en" if checkpoint.english_only else None
    default = languages.parse(default_language or "") or default_language
    detects = options.languages or options.language_detection == "window"
    language = options.language or only or (None if detects else default)
    for param, code in (
        ("language", language),
        *(("languages", each) for each in options.languages),
    ):
        if code is not None and code not in checkpoint.languages:
            known = ", ".join(checkpoint.languages)
            raise InvalidRequest(
                f"Invalid language {code!r}: the model {checkpoint.name!r} knows {known}.",
                param=param,
                code="unsupported_language",
            )
    if language is None and len(options.languages) == 1:
        language = options.languages[0]  # nothing is left to detect
    if options.task == "translate" and not checkpoint.translates:
        raise InvalidRequest(
            f"The model {checkpoint.name!r} cannot translate; multilingual models such as base, "
            "small, medium, large-v2 and large-v3 can.",
            param="model",
            code="unsupported_value",
        )
    if (options.words or options.logprobs) and not checkpoint.aligns:
        raise InvalidRequest(
            f"The model {checkpoint.name!r} gives neither word times nor token probabilities: its "
            "config.json lists no alignment_heads. Converting the original checkpoint with a "
            "current CTranslate2 adds them.",
            param="model",
            code="unsupported_value",
        )
    return replace(options, language=language)

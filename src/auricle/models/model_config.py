"""A model folder's config.json: heads that align words, and tokens that are never generated.

Knows nothing about other files. CTranslate2 takes what it says without checking, and crashes on
numbers out of range, so they are checked here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from auricle.errors import ModelUnusable
from auricle.system import small_file
from auricle.whisper.vocabulary import Vocabulary

CONFIG = "config.json"
MAX_BYTES = 16 * 1024 * 1024


class ModelConfig(msgspec.Struct, frozen=True):
    """What CTranslate2 reads; null counts as nothing."""

    suppress_ids: list[int] | None
    """Tokens never generated."""
    suppress_ids_begin: list[int] | None
    """Tokens no text begins with."""
    lang_ids: list[int] | None = None
    """Tokens that detection chooses a language from."""
    alignment_heads: list[tuple[int, int]] | None = None
    """``(layer, head)`` of the decoder, by whose attention words are found in the audio; none in
    folders converted before 2023."""

    def check(self, path: Path, vocabulary: Vocabulary, *, n_layers: int, n_heads: int) -> None:
        """Compare with the vocabulary and the decoder of the model in the folder ``path``.

        Raises:
            ModelUnusable: naming the number that is out of range.
        """
        n_tokens = len(vocabulary.tokens)
        for name in ("suppress_ids", "suppress_ids_begin", "lang_ids"):
            for token in getattr(self, name) or ():
                if not 0 <= token < n_tokens:
                    raise ModelUnusable(
                        f"{path / CONFIG}: {name}: there is no token {token}; "
                        f"the model has 0 to {n_tokens - 1}"
                    )
        if vocabulary.multilingual and not self.lang_ids:
            raise ModelUnusable(f"{path / CONFIG} names no lang_ids to detect a language from")
        for layer, head in self.alignment_heads or ():
            if not (0 <= layer < n_layers and 0 <= head < n_heads):
                raise ModelUnusable(
                    f"{path / CONFIG}: alignment_heads: there is no head {head} in layer {layer}; "
                    f"the decoder has {n_layers} layers of {n_heads} heads"
                )


def read_config(path: Path) -> ModelConfig:
    """The config.json of the folder ``path``.

    Raises:
        ModelUnusable: it is missing or damaged.
    """
    try:
        return msgspec.convert(read_json(path / CONFIG), ModelConfig)
    except msgspec.ValidationError as exc:
        raise ModelUnusable(f"{path / CONFIG}: {exc}") from exc


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file.

    Raises:
        ModelUnusable: it cannot be read, or holds something else.
    """
    try:
        return msgspec.json.decode(small_file.read(path, MAX_BYTES), type=dict[str, Any])
    except FileNotFoundError as exc:
        raise ModelUnusable(f"{path} is missing") from exc
    except OSError as exc:
        raise ModelUnusable(f"cannot read {path}: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:  # of msgspec: not JSON, not UTF-8, too deep
        raise ModelUnusable(f"cannot read {path}: {exc}") from exc

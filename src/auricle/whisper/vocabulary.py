"""A model's tokens: which ids are special, ids to text, text to ids.

Knows nothing about decoding or the weights. Special ids always come from the model's own
vocabulary, because they differ between checkpoints and fine-tunes.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel

from auricle.errors import UNDECODABLE, ModelUnusable
from auricle.whisper import languages

VOCABULARY_FILES = ("vocabulary.json", "vocabulary.txt")

_LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")


def _byte_alphabet() -> dict[str, bytes]:
    """The character that stands for each byte in a byte-level vocabulary, in id order.

    Printable Latin-1 stands for itself; the other bytes take the characters from U+0100 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): bytes([byte]) for byte in printable} | {
        chr(0x100 + i): bytes([byte]) for i, byte in enumerate(others)
    }


_BYTES = _byte_alphabet()


def read_tokens(folder: Path) -> tuple[str, ...]:
    """The tokens of ``vocabulary.json`` or ``vocabulary.txt``, in id order.

    Raises:
        ModelUnusable: there is none, or it cannot be read.
    """
    path = next((folder / name for name in VOCABULARY_FILES if (folder / name).is_file()), None)
    if path is None:
        raise ModelUnusable(f"{folder} has no {' or '.join(VOCABULARY_FILES)}")
    try:
        if path.suffix == ".json":
            return msgspec.json.decode(path.read_bytes(), type=tuple[str, ...])
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, *UNDECODABLE) as exc:
        raise ModelUnusable(f"cannot read {path}: {exc}") from exc
    return tuple(lines[:-1] if lines[-1] == "" else lines)


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and special ids of one model. Safe to use from any thread."""

    folder: Path
    tokens: tuple[str, ...] = field(repr=False)
    sot: int
    eot: int
    transcribe: int
    translate: int
    sot_prev: int
    no_speech: int
    no_timestamps: int
    first_timestamp: int
    """Id of ``<|0.00|>``; each id after it is 0.02 s later."""
    languages: dict[str, int]
    """Language code -> id of its token, in id order. Codes are those of `languages`: the oldest
    models have a retired one for Hebrew."""
    multilingual: bool
    """Whether prompts carry language and task tokens, decided as CTranslate2 does."""

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Read the vocabulary of a CTranslate2 model folder.

        Raises:
            ModelUnusable: no vocabulary, or one without Whisper's special tokens.
        """
        tokens = read_tokens(folder)
        ids = {token: i for i, token in enumerate(tokens)}

        def special(*names: str) -> int:
            for name in names:
                if name in ids:
                    return ids[name]
            raise ModelUnusable(f"the vocabulary in {folder} lacks {names[0]}: not a Whisper model")

        sot, translate = special("<|startoftranscript|>"), special("<|translate|>")
        transcribe, no_timestamps = special("<|transcribe|>"), special("<|notimestamps|>")
        codes = {
            languages.parse(match[1]) or match[1]: i
            for i in range(sot + 1, min(translate, transcribe))
            if (match := _LANGUAGE.fullmatch(tokens[i]))
        }
        return cls(
            folder=folder,
            tokens=tokens,
            sot=sot,
            eot=special("<|endoftext|>"),
            transcribe=transcribe,
            translate=translate,
            sot_prev=special("<|startofprev|>"),
            no_speech=special("<|nospeech|>", "<|nocaptions|>"),
            no_timestamps=no_timestamps,
            first_timestamp=ids.get("<|0.00|>", no_timestamps + 1),
            languages=codes,
            multilingual="" in ids,
        )

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; special and timestamp ids are skipped.

        A character cut short at either end becomes U+FFFD.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The UTF-8 of ``ids``, where a character may be incomplete."""
        text = "".join(self.tokens[i] for i in ids if 0 <= i < self.eot)
        return b"".join(_BYTES.get(character, character.encode()) for character in text)

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``, without special tokens, even where it spells one.

        Raises:
            ModelUnusable: the folder's tokenizer.json belongs to another vocabulary, or it has
                none and the vocabulary alone does not tell how to split text.
        """
        # First choice, although the folder may have a tokenizer.json: that of the multilingual
        # models lacks the first merge, so it splits " the" where the model learnt one token.
        if self._ranks is not None:
            pieces = ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
            return [i for piece, _ in pieces for i in _merge(piece, self._ranks)]
        if self._tokenizer is None:
            raise ModelUnusable(
                f"{self.folder} has no tokenizer.json, and its vocabulary is not in merge order, "
                "so text cannot be turned into tokens; copy the model's tokenizer.json there"
            )
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids: list[int] = encoding.ids
        for i, token in zip(ids, encoding.tokens, strict=True):
            if i >= self.eot or self.tokens[i] != token:
                raise ModelUnusable(
                    f"{self.folder / 'tokenizer.json'} does not match the vocabulary next to it: "
                    f"it gives id {i} to {token!r}"
                )
        return ids

    def prepare(self) -> None:
        """Do what the first `encode` would take a second for."""
        _ = self._ranks

    @functools.cached_property
    def _tokenizer(self) -> Tokenizer | None:
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            return None
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as exc:  # the library raises bare Exception
            raise ModelUnusable(f"cannot read {path}: {exc}") from exc
        tokenizer.encode_special_tokens = True  # "<|en|>" in a prompt is text, not a command
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @functools.cached_property
    def _ranks(self) -> dict[str, int] | None:
        """Token -> merge rank, which is its id in every vocabulary made the way OpenAI made it;
        None for a vocabulary in another order."""
        ranks = {token: i for i, token in enumerate(self.tokens[: self.eot]) if token}
        ranked = list(self.tokens[:256]) == list(_BYTES) and all(
            _splits(token, i, ranks) for token, i in ranks.items() if i >= 256
        )
        return ranks if ranked else None


def _merge(piece: str, ranks: dict[str, int]) -> list[int]:
    """Byte-pair encoding of one word: join the neighbours of lowest rank until none join."""
    parts = list(piece)
    while len(parts) > 1:
        pairs = [ranks.get(a + b) for a, b in itertools.pairwise(parts)]
        known = [rank for rank in pairs if rank is not None]
        if not known:
            break
        parts = _join(parts, pairs, min(known))
    return [ranks[part] for part in parts]


def _join(parts: Sequence[str], pairs: Sequence[int | None], rank: int) -> list[str]:
    """``parts`` with every pair of the given rank joined, from the left."""
    joined: list[str] = []
    i = 0
    while i < len(parts):
        if i < len(pairs) and pairs[i] == rank:
            joined.append(parts[i] + parts[i + 1])
            i += 2
        else:
            joined.append(parts[i])
            i += 1
    return joined


def _splits(token: str, rank: int, ranks: dict[str, int]) -> bool:
    """Whether ``token`` can have come from joining two tokens of lower rank."""
    return any(
        ranks.get(token[:cut], rank) < rank and ranks.get(token[cut:], rank) < rank
        for cut in range(1, len(token))
    )

"""Convert a Transformers Whisper folder to CTranslate2's form, without PyTorch or Transformers.

Knows nothing about downloads or the cache. No value is changed: the engine chooses its number
format when it loads. Run as a program (``python -m auricle.models.convert FROM TO``), so that the
memory of a whole model goes back to the system.
"""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from ctranslate2.specs import WhisperSpec

from auricle.errors import UNDECODABLE, ModelUnusable
from auricle.models.tensors import Tensor, read_tensors
from auricle.whisper.dimensions import SECONDS_PER_STATE

_COPIED = ("tokenizer.json", "preprocessor_config.json")
Decoded = TypeVar("Decoded")

_LANGUAGE_LENGTHS = (len("<|en|>"), len("<|yue|>"))


class _Config(msgspec.Struct):
    """What is needed of Transformers' config.json."""

    model_type: str
    vocab_size: int
    encoder_layers: int
    encoder_attention_heads: int
    decoder_layers: int
    decoder_attention_heads: int
    activation_function: str = "gelu"
    scale_embedding: bool = False
    suppress_tokens: list[int] | None = None
    begin_suppress_tokens: list[int] | None = None


class _Generation(msgspec.Struct):
    """What is needed of generation_config.json, which old fine-tunes do not have."""

    suppress_tokens: list[int] | None = None
    begin_suppress_tokens: list[int] | None = None
    alignment_heads: list[tuple[int, int]] | None = None
    lang_to_id: dict[str, int] | None = None


class _AddedToken(msgspec.Struct):
    id: int
    content: str


class _Bpe(msgspec.Struct):
    vocab: dict[str, int]


class _TokenizerJson(msgspec.Struct):
    model: _Bpe
    added_tokens: list[_AddedToken] = []


def convert(source: Path, target: Path) -> None:
    """Write model.bin, config.json, vocabulary.json and the tokenizer into a new ``target``.

    Raises:
        ModelUnusable: naming the file or tensor that is missing, damaged or unsupported.
    """
    config = _read(source / "config.json", _Config)
    if config.model_type != "whisper":
        raise ModelUnusable(f"{source} is a {config.model_type!r} model, not 'whisper'")
    if config.activation_function != "gelu" or config.scale_embedding:
        raise ModelUnusable(f"{source / 'config.json'} describes a changed Whisper architecture")
    tokens = _read_vocabulary(source, config.vocab_size)
    weights = _Weights(
        {name.removeprefix("model."): tensor for name, tensor in read_tensors(source).items()}
    )
    spec = WhisperSpec(
        config.encoder_layers,
        config.encoder_attention_heads,
        config.decoder_layers,
        config.decoder_attention_heads,
    )
    _fill_encoder(spec.encoder, weights)
    _fill_decoder(spec.decoder, weights)
    _fill_config(spec.config, config, _read_generation(source), tokens)
    spec.register_vocabulary(tokens)
    try:
        spec.validate()
    except ValueError as exc:
        raise ModelUnusable(f"{source}: {exc}") from exc
    spec.optimize()
    target.mkdir(parents=True)
    spec.save(str(target))
    for name in _COPIED:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


@dataclass(frozen=True)
class _Weights:
    tensors: dict[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise ModelUnusable(f"the weights lack the tensor {name}")
        return self.tensors[name]

    def bias(self, name: str) -> Tensor:
        """The bias of a linear layer; the key projections have none, which is a bias of zero."""
        if f"{name}.bias" in self.tensors:
            return self[f"{name}.bias"]
        weight = self[f"{name}.weight"]
        return np.zeros(weight.shape[0], dtype=weight.dtype)


# The specification objects are CTranslate2's and carry no types, hence Any.


def _fill_encoder(spec: Any, weights: _Weights) -> None:
    for name in ("conv1", "conv2"):
        _fill(getattr(spec, name), weights, f"encoder.{name}")
    spec.position_encodings.encodings = weights["encoder.embed_positions.weight"]
    _fill_norm(spec.layer_norm, weights, "encoder.layer_norm")
    for i, layer in enumerate(spec.layer):
        _fill_layer(layer, weights, f"encoder.layers.{i}")


def _fill_decoder(spec: Any, weights: _Weights) -> None:
    spec.embeddings.weight = weights["decoder.embed_tokens.weight"]
    spec.position_encodings.encodings = weights["decoder.embed_positions.weight"]
    # usually tied to the embeddings, and then often left out of the file
    spec.projection.weight = weights.tensors.get("proj_out.weight", spec.embeddings.weight)
    _fill_norm(spec.layer_norm, weights, "decoder.layer_norm")
    for i, layer in enumerate(spec.layer):
        prefix = f"decoder.layers.{i}"
        _fill_layer(layer, weights, prefix)
        attention = f"{prefix}.encoder_attn"
        _fill_fused(layer.attention.linear[0], weights, [f"{attention}.q_proj"])
        _fill_fused(
            layer.attention.linear[1], weights, [f"{attention}.k_proj", f"{attention}.v_proj"]
        )
        _fill(layer.attention.linear[2], weights, f"{attention}.out_proj")
        _fill_norm(layer.attention.layer_norm, weights, f"{attention}_layer_norm")


def _fill_layer(layer: Any, weights: _Weights, prefix: str) -> None:
    """Self-attention and feed-forward, which encoder and decoder have alike."""
    attention = f"{prefix}.self_attn"
    _fill_fused(
        layer.self_attention.linear[0], weights, [f"{attention}.{x}_proj" for x in ("q", "k", "v")]
    )
    _fill(layer.self_attention.linear[1], weights, f"{attention}.out_proj")
    _fill_norm(layer.self_attention.layer_norm, weights, f"{attention}_layer_norm")
    _fill(layer.ffn.linear_0, weights, f"{prefix}.fc1")
    _fill(layer.ffn.linear_1, weights, f"{prefix}.fc2")
    _fill_norm(layer.ffn.layer_norm, weights, f"{prefix}.final_layer_norm")


def _fill(spec: Any, weights: _Weights, name: str) -> None:
    spec.weight = weights[f"{name}.weight"]
    spec.bias = weights[f"{name}.bias"]


def _fill_norm(spec: Any, weights: _Weights, name: str) -> None:
    spec.gamma = weights[f"{name}.weight"]
    spec.beta = weights[f"{name}.bias"]


def _fill_fused(spec: Any, weights: _Weights, names: Sequence[str]) -> None:
    """Several projections of the same input as one."""
    spec.weight = np.concatenate([weights[f"{name}.weight"] for name in names])
    spec.bias = np.concatenate([weights.bias(name) for name in names])


def _fill_config(
    target: Any, config: _Config, generation: _Generation, tokens: Sequence[str]
) -> None:
    suppress = generation.suppress_tokens or config.suppress_tokens
    begin = generation.begin_suppress_tokens or config.begin_suppress_tokens
    target.suppress_ids = suppress or []
    target.suppress_ids_begin = begin or []
    if generation.lang_to_id:
        target.lang_ids = sorted(generation.lang_to_id.values())
    else:
        target.lang_ids = _language_ids(tokens)
    # without measured heads, those of the later half of the layers are averaged
    half = range(config.decoder_layers // 2, config.decoder_layers)
    target.alignment_heads = generation.alignment_heads or list(
        itertools.product(half, range(config.decoder_attention_heads))
    )


def _language_ids(tokens: Sequence[str]) -> list[int]:
    first = tokens.index("<|startoftranscript|>") + 1
    following = itertools.takewhile(
        lambda i: len(tokens[i]) in _LANGUAGE_LENGTHS, range(first, len(tokens))
    )
    return list(following)


def _read_vocabulary(source: Path, size: int) -> list[str]:
    """Every token in id order; timestamps, which tokenizers leave out, are added at the end."""
    if (source / "tokenizer.json").is_file():
        tokenizer = _read(source / "tokenizer.json", _TokenizerJson)
        ids = tokenizer.model.vocab
        ids |= {token.content: token.id for token in tokenizer.added_tokens}
    else:
        ids = _read(source / "vocab.json", dict[str, int])
        if (source / "added_tokens.json").is_file():
            ids |= _read(source / "added_tokens.json", dict[str, int])
    by_id = {i: token for token, i in ids.items() if i < size}
    if set(by_id) != set(range(len(by_id))):
        raise ModelUnusable(f"the vocabulary in {source} has gaps in its ids")
    if "<|startoftranscript|>" not in ids:
        raise ModelUnusable(f"the vocabulary in {source} is not Whisper's")
    tokens = [by_id[i] for i in range(len(by_id))]
    return tokens + [f"<|{SECONDS_PER_STATE * i:.2f}|>" for i in range(size - len(tokens))]


def _read_generation(source: Path) -> _Generation:
    path = source / "generation_config.json"
    return _read(path, _Generation) if path.is_file() else _Generation()


def _read(path: Path, kind: type[Decoded]) -> Decoded:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as exc:
        raise ModelUnusable(f"{path} is missing") from exc
    except (OSError, *UNDECODABLE) as exc:
        raise ModelUnusable(f"cannot read {path}: {exc}") from exc


def main() -> None:
    source, target = sys.argv[1:]
    try:
        convert(Path(source), Path(target))
    except ModelUnusable as exc:
        sys.exit(exc.message)


if __name__ == "__main__":
    main()

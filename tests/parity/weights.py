"""A CTranslate2 folder's arrays in the modules of openai-whisper and of transformers.

Knows nothing about audio. The mapping is one to one: both get the very numbers that Auricle loads,
as float32.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

import whisper
from auricle.models.tensors import read_tensors
from auricle.whisper.vocabulary import Vocabulary
from tests.models.test_convert import to_transformers

_RENAMED = (
    (r"^model\.", ""),
    (r"\blayers\b", "blocks"),
    (r"\bfc1\b", "mlp.0"),
    (r"\bfc2\b", "mlp.2"),
    (r"\bfinal_layer_norm\b", "mlp_ln"),
    (r"\bself_attn", "attn"),
    (r"\bencoder_attn", "cross_attn"),
    (r"attn_layer_norm\b", "attn_ln"),
    (r"\bq_proj\b", "query"),
    (r"\bk_proj\b", "key"),
    (r"\bv_proj\b", "value"),
    (r"\bout_proj\b", "out"),
    (r"\bembed_positions\.weight$", "positional_embedding"),
    (r"\bembed_tokens\b", "token_embedding"),
    (r"^encoder\.layer_norm\b", "encoder.ln_post"),
    (r"^decoder\.layer_norm\b", "decoder.ln"),
)


def tensors(folder: Path, scratch: Path) -> dict[str, torch.Tensor]:
    """Every weight under the name transformers gives it, as float32."""
    to_transformers(folder, scratch / "transformers")
    loaded = read_tensors(scratch / "transformers")
    return {name: torch.tensor(values).float() for name, values in loaded.items()}


def openai_whisper(weights: dict[str, torch.Tensor], name: str) -> whisper.Whisper:
    """openai-whisper's model with these weights and the alignment heads it has for ``name``."""
    renamed = {}
    for key, value in weights.items():
        for pattern, replacement in _RENAMED:
            key = re.sub(pattern, replacement, key)
        renamed[key] = value
    n_vocab, width = renamed["decoder.token_embedding.weight"].shape
    model = whisper.Whisper(
        whisper.ModelDimensions(
            n_mels=renamed["encoder.conv1.weight"].shape[1],
            n_audio_ctx=len(renamed["encoder.positional_embedding"]),
            n_audio_state=width,
            n_audio_head=width // 64,
            n_audio_layer=_layers(renamed, "encoder.blocks"),
            n_vocab=n_vocab,
            n_text_ctx=len(renamed["decoder.positional_embedding"]),
            n_text_state=width,
            n_text_head=width // 64,
            n_text_layer=_layers(renamed, "decoder.blocks"),
        )
    )
    model.load_state_dict(renamed, strict=True)
    model.set_alignment_heads(whisper._ALIGNMENT_HEADS[name])
    return model.eval()


def transformers_whisper(
    weights: dict[str, torch.Tensor], folder: Path
) -> WhisperForConditionalGeneration:
    """transformers' model with these weights, and the special ids of the folder's vocabulary."""
    vocabulary = Vocabulary.load(folder)
    n_vocab, width = weights["model.decoder.embed_tokens.weight"].shape
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=n_vocab,
            d_model=width,
            encoder_layers=_layers(weights, "model.encoder.layers"),
            decoder_layers=_layers(weights, "model.decoder.layers"),
            encoder_attention_heads=width // 64,
            decoder_attention_heads=width // 64,
            encoder_ffn_dim=4 * width,
            decoder_ffn_dim=4 * width,
            pad_token_id=vocabulary.eot,
            bos_token_id=vocabulary.eot,
            eos_token_id=vocabulary.eot,
            decoder_start_token_id=vocabulary.sot,
        )
    )
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert (missing, unexpected) == (["proj_out.weight"], [])
    model.tie_weights()
    model.generation_config = _generation(folder, vocabulary)
    return model.eval()


def _generation(folder: Path, vocabulary: Vocabulary) -> GenerationConfig:
    stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    multilingual = {
        "lang_to_id": {f"<|{code}|>": i for code, i in vocabulary.languages.items()},
        "task_to_id": {"transcribe": vocabulary.transcribe, "translate": vocabulary.translate},
    }
    return GenerationConfig(
        decoder_start_token_id=vocabulary.sot,
        eos_token_id=vocabulary.eot,
        pad_token_id=vocabulary.eot,
        no_timestamps_token_id=vocabulary.no_timestamps,
        prev_sot_token_id=vocabulary.sot_prev,
        is_multilingual=vocabulary.multilingual,
        max_initial_timestamp_index=50,
        suppress_tokens=stored["suppress_ids"],
        begin_suppress_tokens=stored["suppress_ids_begin"],
        max_length=448,
        **(multilingual if vocabulary.multilingual else {}),
    )


def _layers(weights: dict[str, torch.Tensor], prefix: str) -> int:
    return 1 + max(
        int(match[1]) for name in weights if (match := re.match(rf"{prefix}\.(\d+)\.", name))
    )

"""Make the small Transformers checkpoint that the converter is tested with, and what it answers.

Needs ``torch``, ``transformers`` and ``tokenizers``, which Auricle does not. Run from the root of
the repository: ``python tests/models/make_golden.py``. The weights are random (seeded), the shape
of the files is what Transformers itself saves.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

FOLDER = Path(__file__).parent / "golden"
N_FRAMES = 100
PROMPT = ("<|startoftranscript|>", "<|de|>", "<|transcribe|>", "<|notimestamps|>")
MERGES = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("e", "r"), ("a", "n"), ("an", "d")]
SPECIALS = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    *("<|en|>", "<|zh|>", "<|de|>", "<|translate|>", "<|transcribe|>"),
    *("<|startoflm|>", "<|startofprev|>", "<|nocaptions|>", "<|notimestamps|>"),
]
N_TIMESTAMPS = 1501


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    model.half().save_pretrained(FOLDER)
    tokenizer.save(str(FOLDER / "tokenizer.json"))
    for name in ("config.json", "generation_config.json"):  # without the version that wrote them
        saved = json.loads((FOLDER / name).read_text())
        saved.pop("transformers_version", None)
        (FOLDER / name).write_text(json.dumps(saved, indent=2, sort_keys=True) + "\n")
    record(model.float(), tokenizer)


def make_tokenizer() -> Tokenizer:
    # the order OpenAI's vocabularies have: printable Latin-1 first, then stand-ins for the rest
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [chr(i) for i in printable] + [chr(0x100 + i) for i in range(256 - len(printable))]
    tokens = [*letters, *(a + b for a, b in MERGES), ""]
    tokenizer = Tokenizer(BPE({token: i for i, token in enumerate(tokens)}, MERGES))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIALS])
    return tokenizer


def make_model(tokenizer: Tokenizer) -> WhisperForConditionalGeneration:
    torch.manual_seed(0)
    ids = {token: tokenizer.token_to_id(token) for token in SPECIALS}
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=tokenizer.get_vocab_size() + N_TIMESTAMPS,
            num_mel_bins=80,
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            init_std=0.3,  # large enough that logits differ clearly
            decoder_start_token_id=ids["<|startoftranscript|>"],
            bos_token_id=ids["<|endoftext|>"],
            eos_token_id=ids["<|endoftext|>"],
            pad_token_id=ids["<|endoftext|>"],
        )
    )
    model.generation_config = GenerationConfig(
        suppress_tokens=[1, 2, ids["<|startoftranscript|>"]],
        begin_suppress_tokens=[5, ids["<|endoftext|>"]],
        alignment_heads=[[1, 0], [1, 1]],
        lang_to_id={token: ids[token] for token in ("<|en|>", "<|zh|>", "<|de|>")},
        decoder_start_token_id=ids["<|startoftranscript|>"],
        eos_token_id=ids["<|endoftext|>"],
        pad_token_id=ids["<|endoftext|>"],
    )
    for name, weight in model.named_parameters():
        if name.endswith("bias") or "layer_norm" in name:  # zeros and ones hide mistakes
            weight.data += 0.1 * torch.randn(weight.shape)
    return model.eval()


def record(model: WhisperForConditionalGeneration, tokenizer: Tokenizer) -> None:
    generator = np.random.default_rng(0)
    features = generator.standard_normal((80, N_FRAMES), dtype=np.float32)
    padded = np.zeros((1, 80, 3000), dtype=np.float32)
    padded[0, :, :N_FRAMES] = features
    prompt = [tokenizer.token_to_id(token) for token in PROMPT]
    with torch.no_grad():
        states = model.model.encoder(torch.from_numpy(padded)).last_hidden_state
        logits = model(encoder_outputs=(states,), decoder_input_ids=torch.tensor([prompt])).logits
    np.savez_compressed(
        FOLDER / "golden.npz",
        features=features,
        prompt=np.array(prompt),
        states=states[0, ::100].numpy(),
        logits=logits[0, -1].numpy(),
    )


if __name__ == "__main__":
    main()

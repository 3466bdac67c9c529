"""A server of openai-whisper with the very weights that Auricle loads, one request at a time.

Knows nothing about Auricle's answers. It runs in float32 on a CPU, with the options of its own
command: five beams, or none, and its temperatures. It needs what `make .venv-parity/.ready`
installs, and takes seconds a clip:

    python -m auricle_bench.measurements.peers.openai_whisper_server base --port 8002 [--beam 1]
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from whisper.model import MultiHeadAttention

import whisper
from auricle.models.fetch import locate
from auricle.settings.config import load
from auricle_bench.measurements import recordings
from auricle_bench.measurements.peers import endpoints
from tests.parity import weights

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
BEST_OF = 5
"""Tries at a temperature, as its command has it: chance picks words there, so the seed is fixed."""


class OneWindow(MultiHeadAttention):  # type: ignore[misc]  # checked without PyTorch's types
    """All beams read the states of one window, as rows of one query: the same numbers as with a
    copy of the states for each beam, in a fifth of the time."""

    def qkv_attention(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        rows, weight = super().qkv_attention(q.reshape(1, -1, q.shape[-1]), k, v, mask)
        return rows.reshape(q.shape), weight


class Remembering(torch.nn.Module):  # type: ignore[misc]  # checked without PyTorch's types
    """An encoder that reads a window once for all temperatures and its words."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self._encoder = encoder
        self._states: dict[bytes, torch.Tensor] = {}

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        key = mel.numpy().tobytes()
        if key not in self._states:
            self._states[key] = self._encoder(mel)
        return self._states[key]

    def forget(self) -> None:
        self._states.clear()


def model_of(name: str) -> whisper.Whisper:
    folder = locate(name, load()).path
    with tempfile.TemporaryDirectory() as scratch:
        model = weights.openai_whisper(weights.tensors(folder, Path(scratch)), name)
    for block in model.decoder.blocks:
        shared = OneWindow(model.dims.n_text_state, model.dims.n_text_head)
        shared.load_state_dict(block.cross_attn.state_dict())
        block.cross_attn = shared
    model.encoder = Remembering(model.encoder)
    return model


class Peer:
    """The model, for one recording at a time: its hooks are its own state."""

    def __init__(self, model: whisper.Whisper, beams: int) -> None:
        self._model = model
        self._beams = beams
        self._turn = Lock()

    def transcribe(self, content: bytes, language: str | None, has_words: bool) -> dict[str, Any]:
        pcm = recordings.read(io.BytesIO(content)).astype(np.float32) / 32768
        with self._turn:
            torch.manual_seed(0)
            found = self._model.transcribe(
                pcm,
                language=language,
                temperature=TEMPERATURES,
                beam_size=self._beams if self._beams > 1 else None,
                best_of=BEST_OF,
                word_timestamps=has_words,
                fp16=False,
            )
            self._model.encoder.forget()
        words = [
            {"word": word["word"].strip(), "start": word["start"], "end": word["end"]}
            for segment in found["segments"]
            for word in segment.get("words", ())
        ]
        return {"text": found["text"].strip(), "words": words}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", help="name of a model in Auricle's cache: base or tiny.en")
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--beam", type=int, default=5, help="beam size; 1 is greedy")
    given = parser.parse_args()
    endpoints.serve(Peer(model_of(given.model), given.beam).transcribe, given.port)


if __name__ == "__main__":
    main()

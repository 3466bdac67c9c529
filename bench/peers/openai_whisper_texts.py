"""What openai-whisper hears in a folder of clips, with the very weights that Auricle loads.

Knows nothing about Auricle's answers. It runs in float32 on a CPU, with the options of its own
command: five beams, or none, and its temperatures. It needs what `make parity` installs and takes
seconds a clip, so its texts go into a file, and what is there already is left out:

    .venv-parity/bin/python -m bench.peers.openai_whisper_texts DIR
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import whisper
from whisper.model import MultiHeadAttention

from auricle.bench.clips import Clip, read_corpus
from auricle.config import load
from auricle.models.fetch import locate
from bench import heard, recordings
from bench.heard import Heard, Run
from tests.parity import weights

PROGRAM = "openai-whisper"
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
    """An encoder that reads a window once for all searches and temperatures."""

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


def transcribed(model: whisper.Whisper, clip: Clip, runs: list[Run]) -> Iterator[Heard]:
    pcm = recordings.read(clip.path).astype(np.float32) / 32768
    for run in runs:
        torch.manual_seed(0)
        found = model.transcribe(
            pcm,
            language=clip.language,
            temperature=TEMPERATURES,
            beam_size=run.beams if run.beams > 1 else None,
            best_of=BEST_OF,
            fp16=False,
        )
        versions = f"{PROGRAM} {version(PROGRAM)} with torch {version('torch')}"
        yield Heard(run, clip.path.name, found["text"].strip(), versions)
    model.encoder.forget()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path, help="folder of clips with refs.jsonl")
    parser.add_argument("--file", type=Path, default=heard.FILE, help="where the texts go")
    parser.add_argument("--models", nargs="+", default=["base", "tiny.en"])
    parser.add_argument("--beams", nargs="+", type=int, default=[5, 1])
    parser.add_argument("--limit", type=int, help="stop after so many clips; start again to go on")
    given = parser.parse_args()
    for name in given.models:
        clips = read_corpus(given.corpus, ["en"] if name.endswith(".en") else [])
        runs = [Run(PROGRAM, name, beams) for beams in given.beams]
        known = heard.read(given.file)
        lacking = [
            (clip, missing)
            for clip in clips
            if (missing := [run for run in runs if clip.path.name not in known.get(run, {})])
        ]
        model = model_of(name) if lacking else None
        for clip, missing in lacking[: given.limit]:
            heard.add(transcribed(model, clip, missing), given.file)


if __name__ == "__main__":
    main()

"""CTranslate2 alone on one window, in a process of its own: what no server can be faster than.

Knows nothing about servers. Started as a module with MODEL_FOLDER; each line of standard input
names a recording of at most 30 s, and is answered with a line of JSON.
"""

# ruff: noqa: E402  # the allocator must be told before numpy or CTranslate2 start a thread
from __future__ import annotations

from auricle.engine import machine

machine.keep_freed_memory()

import json
import sys
import time
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from auricle.types import Pcm
from auricle.whisper import mel
from auricle.whisper.dimensions import MAX_FRAMES
from auricle.whisper.vocabulary import Vocabulary
from auricle_bench.measurements import recordings

BEAM_SIZE = 5
MAX_LENGTH = 448
MAX_INITIAL_TIMESTAMP = 50


def load(folder: str) -> Any:
    """The model as the engine loads it; Any because CTranslate2 has no types."""
    workers, threads = machine.share_cores(0)
    return ctranslate2.models.Whisper(
        folder, compute_type="int8", inter_threads=workers, intra_threads=threads
    )


def transcribe(model: Any, start: list[int], pcm: Pcm) -> list[int]:
    """Token ids of a window of at most 30 s. ``model`` is CTranslate2's Whisper."""
    features = mel.log_mel(pcm, model.n_mels, MAX_FRAMES)[None]
    states = model.encode(ctranslate2.StorageView.from_array(features), True)
    [result] = model.generate(
        states,
        [start],
        beam_size=BEAM_SIZE,
        max_length=MAX_LENGTH,
        max_initial_timestamp_index=MAX_INITIAL_TIMESTAMP,
        return_scores=True,
        return_no_speech_prob=True,
    )
    ids: list[int] = result.sequences_ids[0]
    return ids


def main() -> None:
    [folder] = sys.argv[1:]
    vocabulary = Vocabulary.load(Path(folder))
    model = load(folder)
    start = [vocabulary.sot]
    if model.is_multilingual:
        start += [vocabulary.languages["en"], vocabulary.transcribe]
    for line in sys.stdin:
        pcm = recordings.read(Path(line.strip())).astype(np.float32) / np.float32(32768)
        started = time.perf_counter()
        ids = transcribe(model, start, pcm)
        wall_s = time.perf_counter() - started
        text = vocabulary.decode([i for i in ids if i < vocabulary.eot]).strip()
        print(json.dumps({"wall_s": wall_s, "text": text}), flush=True)


if __name__ == "__main__":
    main()

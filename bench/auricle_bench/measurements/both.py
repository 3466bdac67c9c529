"""Both engines on the same windows, in one process: what each needs of the processor.

Knows nothing about servers. Started as a module with MODEL_FOLDER; each line of standard input is a
`Task` and is answered with a line that is `Done`.
"""

# ruff: noqa: E402  # the allocator must be told before numpy or an engine start a thread
from __future__ import annotations

from auricle.engine import machine

machine.keep_freed_memory()

import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from auricle.engine.loading import load
from auricle.engine.model import Library, Loading, Model
from auricle.engine.protocol import DecodeJob, DecodeRow, EncodeJob, EncodeRow
from auricle.models.fetch import FetchOptions
from auricle.settings.config import Settings
from auricle.types import LibraryName
from auricle.whisper import prompting
from auricle.whisper.vocabulary import Vocabulary
from auricle_bench.measurements import recordings


class Task(msgspec.Struct):
    """Windows to read together, in one engine."""

    library: LibraryName
    paths: list[str]
    n_frames: int
    beam_size: int


class Done(msgspec.Struct):
    """Processor time of all cores, and what was said."""

    encode_s: float
    decode_s: float
    ids: list[tuple[int, ...]]


def main() -> None:
    folder = Path(sys.argv[1])
    graphs = FetchOptions.of(Settings()).cache / "graphs"
    libraries = (Library("ctranslate2"), Library("openvino", graphs))
    models = {each.name: load(folder, Loading("cpu", "auto", 1, each)) for each in libraries}
    start = prompting.start(Vocabulary.load(folder), "transcribe", "en")
    for line in sys.stdin:
        task = msgspec.json.decode(line, type=Task)
        print(msgspec.json.encode(_done(models[task.library], task, start)).decode(), flush=True)


def _done(model: Model, task: Task, start: tuple[int, ...]) -> Done:
    heard = [_pcm(path) for path in task.paths]
    began_s = time.process_time()
    for state_id, pcm in enumerate(heard):
        model.encode(EncodeJob((EncodeRow(state_id, pcm),), task.n_frames))
    encoded_s = time.process_time()
    rows = tuple(DecodeRow(state_id, start) for state_id in range(len(heard)))
    found = {each.state_id: each for each in model.decode(DecodeJob(rows, task.beam_size, 0.0))}
    ended_s = time.process_time()
    model.release(range(len(heard)))
    ids = [found[row.state_id].ids for row in rows]
    return Done(encoded_s - began_s, ended_s - encoded_s, ids)


def _pcm(path: str) -> bytes:
    samples = recordings.read(Path(path)).astype(np.float32) / np.float32(32768)
    return bytes(samples.tobytes())


if __name__ == "__main__":
    main()

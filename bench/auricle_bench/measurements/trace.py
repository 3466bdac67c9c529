"""Record what a server really has to do, for the simulation of the queue's policy in its tests.

    python -m auricle_bench.measurements.trace --corpus DIR --output tests/queue/trace.json

A recording of ten minutes and thirty clips are read one after the other. Every window's audio and
context and the time of its jobs, alone on one worker, are written down, with random arrivals.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    Detected,
    DetectJob,
    EncodeJob,
    Hypothesis,
    ReleaseJob,
    Tokens,
)
from auricle.engine.replicas import MeasuredEngine
from auricle.models.checkpoint import Checkpoint
from auricle.runtime import Runtime
from auricle.segment_stream import collect
from auricle.settings.config import Settings
from auricle.types import SAMPLE_RATE, DecodeOptions
from auricle_bench.clips import read_corpus
from auricle_bench.measurements import recordings
from auricle_bench.measurements.setup import every

N_CLIPS = 30
LONG_S = 600.0
MEAN_GAP_S = 1.0


class Work(msgspec.Struct):
    """One window, and how long its jobs took; all attempts at decoding together."""

    audio_s: float
    n_frames: int
    encode_s: float
    decode_s: float = 0.0


class Upload(msgspec.Struct):
    arrival_s: float
    windows: list[Work]


class Stopwatch:
    """An engine that writes down what it does, one window at a time."""

    def __init__(self, engine: MeasuredEngine, works: list[Work]) -> None:
        self._engine = engine
        self._works = works
        self._by_id: dict[int, Work] = {}
        self.info = msgspec.structs.replace(engine.info, workers=1)

    async def encode(self, job: EncodeJob) -> None:
        begun_s = time.perf_counter()
        await self._engine.encode(job)
        took_s = round(time.perf_counter() - begun_s, 4)
        (row,) = job.rows
        work = self._by_id.get(row.state_id)
        if work is None:
            audio_s = round(len(row.pcm) / 4 / SAMPLE_RATE, 2)
            work = self._by_id[row.state_id] = Work(audio_s, job.n_frames, took_s)
            self._works.append(work)
        else:  # with the full context, because the short one failed
            work.n_frames, work.encode_s = job.n_frames, work.encode_s + took_s

    async def detect_language(self, job: DetectJob) -> Detected:
        return await self._engine.detect_language(job)

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        begun_s = time.perf_counter()
        async for reply in self._engine.decode(job):
            yield reply
        (row,) = job.rows
        self._by_id[row.state_id].decode_s += round(time.perf_counter() - begun_s, 4)

    async def align(self, job: AlignJob) -> Aligned:
        return await self._engine.align(job)

    async def release(self, job: ReleaseJob) -> None:
        await self._engine.release(job)

    async def close(self) -> None:
        await self._engine.close()

    def memory_bytes(self) -> int | None:
        return self._engine.memory_bytes()


class Recorder(Runtime):
    """A runtime whose engine is under the stopwatch."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.works: list[Work] = []

    async def start_engine(self, checkpoint: Checkpoint) -> MeasuredEngine:
        return Stopwatch(await super().start_engine(checkpoint), self.works)

    async def windows(self, path: Path) -> list[Work]:
        """The work in one file."""
        self.works.clear()
        async with self.open(path, DecodeOptions(language="en")) as transcription:
            await collect(transcription)
        return list(self.works)


async def record(corpus: Path, scratch: Path) -> list[Upload]:
    clips = [clip for clip in read_corpus(corpus, ["en"]) if 2 <= clip.duration_s <= 9]
    long = recordings.long_recording(clips, scratch / "long.ogg", LONG_S)
    source = random.Random(1)
    recorder = Recorder(Settings(model="base", batch_size=1))
    await recorder.start()
    uploads = [Upload(0.0, await recorder.windows(long.path))]
    arrival_s = 0.0
    for clip in every(clips, N_CLIPS):
        arrival_s += source.expovariate(1 / MEAN_GAP_S)
        uploads.append(Upload(round(arrival_s, 3), await recorder.windows(clip.path)))
    await recorder.stop()
    return uploads


def main() -> None:
    parser = argparse.ArgumentParser(description="Record a trace for the policy's simulation.")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        uploads = asyncio.run(record(given.corpus, Path(scratch)))
    lines = b",\n".join(msgspec.json.encode(upload) for upload in uploads)
    given.output.write_bytes(b"[\n" + lines + b"\n]\n")


if __name__ == "__main__":
    main()

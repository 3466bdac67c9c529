"""Stand-ins for the edges of the system: an engine without weights or processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from auricle.engine.protocol import (
    Decoded,
    DecodeJob,
    DecodeRow,
    Encoded,
    EncodedWindow,
    EncodeJob,
    EncodeRow,
    EngineDied,
    ModelInfo,
    ReleaseJob,
    WindowText,
)
from auricle.types import Language, Segment

MODEL = ModelInfo(
    languages=("en", "de"),
    multilingual=True,
    n_mels=80,
    device="cpu",
    compute_type="int8",
    workers=2,
)


def spoken(
    row: DecodeRow, job: DecodeJob, avg_logprob: float = -0.2, *, is_truncated: bool = False
) -> WindowText:
    """The text of a window as the fake engine hears it: its language and start."""
    segment = Segment(
        start_s=row.start_s,
        end_s=row.start_s + row.duration_s,
        text=f" {row.language} {row.start_s:g}",
        tokens=(1, 2),
        temperature=job.temperature,
        avg_logprob=avg_logprob,
        compression_ratio=1.0,
        no_speech_prob=0.01,
    )
    return WindowText(
        segments=(segment,),
        temperature=job.temperature,
        avg_logprob=avg_logprob,
        compression_ratio=1.0,
        no_speech_prob=0.01,
        is_truncated=is_truncated,
    )


class FakeEngine:
    """Answers at once, unless ``gate`` is cleared: then jobs wait for it.

    ``poison`` names samples: a window that starts with one kills the engine when it is decoded.
    """

    def __init__(
        self,
        hear: Callable[[DecodeRow, DecodeJob], WindowText] = spoken,
        info: ModelInfo = MODEL,
        poison: float | None = None,
    ) -> None:
        self.info = info
        self.hear = hear
        self.poison = poison
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.encodes: list[EncodeJob] = []
        self.decodes: list[DecodeJob] = []
        self.frames: list[int] = []
        self.kept: dict[int, int] = {}
        self.poisoned: set[int] = set()
        self.running = 0
        self.most_running = 0
        self.is_dead = False
        self.is_closed = False

    async def encode(self, job: EncodeJob) -> Encoded:
        self.encodes.append(job)
        await self._work()
        return Encoded(tuple(self._encoded(row, job.n_frames) for row in job.rows))

    def _encoded(self, row: EncodeRow, n_frames: int) -> EncodedWindow:
        pcm = np.frombuffer(row.pcm, np.float32)
        assert len(pcm) <= n_frames * 160, "audio that the encoder would not see"
        self.kept[row.window_id] = n_frames
        if self.poison is not None and pcm[0] == self.poison:
            self.poisoned.add(row.window_id)
        language = Language("de", 0.9) if row.detect_language else None
        return EncodedWindow(n_prompt_tokens=len(row.prompt or ""), language=language)

    async def decode(self, job: DecodeJob) -> Decoded:
        self.decodes.append(job)
        await self._work()
        frames = {self.kept[row.window_id] for row in job.rows}
        assert len(frames) == 1, "windows of different lengths in one batch"
        if self.poisoned & {row.window_id for row in job.rows}:
            self.die()
            raise EngineDied("poisoned")
        self.frames.append(frames.pop())
        return Decoded(tuple(self.hear(row, job) for row in job.rows))

    async def release(self, job: ReleaseJob) -> None:
        for window_id in job.window_ids:
            self.kept.pop(window_id, None)

    async def close(self) -> None:
        self.is_closed = True

    def die(self) -> None:
        self.is_dead = True
        self.gate.set()

    async def _work(self) -> None:
        assert self.running < self.info.workers, "more jobs than workers"
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.started.set()
        await self.gate.wait()
        await asyncio.sleep(0)
        self.running -= 1
        if self.is_dead:
            raise EngineDied("killed")

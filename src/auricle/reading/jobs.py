"""What is asked of the engine about one window, as jobs of the queue.

Knows nothing about when they run, or what becomes of the answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    DecodeRow,
    Detected,
    DetectJob,
    EncodeJob,
    EncodeRow,
    Engine,
    Hypothesis,
    Tokens,
)
from auricle.queue.job import Job, Stage
from auricle.types import Pcm
from auricle.whisper.dimensions import MAX_FRAMES


@dataclass(frozen=True, slots=True)
class DecodeSettings:
    """How text is searched for; the same for all windows of a call."""

    beam_size: int
    temperature: float
    max_new_tokens: int
    patience: float
    suppress_tokens: tuple[int, ...]
    n_best: int = 1
    stops_on_loops: bool = True
    trims_loops: bool = False


SHARED_BEAMS = 3
"""Where the beams of a window attend at once, what they do so costs as much as what so many do one
by one: with beam 5, windows take twice as long as without."""


PROMPTS_STEP = 64
"""How different prompts and prefixes, in tokens, are decoded together where that can be done."""


def batch_cost(batch_size: int) -> int:
    """What a call may cost that decodes ``batch_size`` windows of 30 s without a beam: what keeps a
    step of decoding busy is every beam's attention over the frames of its window, unless all of
    them attend at once."""
    return batch_size * MAX_FRAMES


def encode(window_id: int, pcm: Pcm, n_frames: int) -> Job[EncodeRow, None]:
    """Make encoder states of so many frames. Windows of one length are encoded together."""

    async def call(
        engine: Engine, rows: Sequence[EncodeRow], is_alone: bool
    ) -> AsyncIterator[tuple[int, None, bool]]:
        await engine.encode(EncodeJob(tuple(rows), n_frames, is_alone))
        for row in rows:
            yield row.state_id, None, True

    row = EncodeRow(window_id, pcm.tobytes())
    return Job("encode", Stage.ENCODE, n_frames, row, call, needs_states=False)


def detect_language(window_id: int) -> Job[DetectJob, Detected]:
    """Find out the language; at once, because the other windows of the recording wait for it."""
    return Job("detect", Stage.ENCODE, ("detect", window_id), DetectJob(window_id), _detect)


def decode(
    row: DecodeRow, n_frames: int, settings: DecodeSettings
) -> Job[DecodeRow, Tokens | Hypothesis]:
    """Generate a text. Windows are decoded together that agree in all that a call has only once."""

    async def call(
        engine: Engine, rows: Sequence[DecodeRow], is_alone: bool
    ) -> AsyncIterator[tuple[int, Tokens | Hypothesis, bool]]:
        job = DecodeJob(
            tuple(rows),
            beam_size=settings.beam_size,
            temperature=settings.temperature,
            max_new_tokens=settings.max_new_tokens,
            patience=settings.patience,
            suppress_tokens=settings.suppress_tokens,
            n_best=settings.n_best,
            stops_on_loops=settings.stops_on_loops,
            trims_loops=settings.trims_loops,
        )
        async for reply in engine.decode(job):
            yield reply.state_id, reply, isinstance(reply, Hypothesis)

    return Job(
        "decode",
        Stage.DECODE,
        (n_frames, len(row.prompt), settings),
        row,
        call,
        cost=settings.beam_size * n_frames,
        mixed_key=(n_frames, (len(row.prompt) + len(row.prefix)) // PROMPTS_STEP, settings),
        shared_cost=(SHARED_BEAMS + settings.beam_size) * n_frames // (SHARED_BEAMS + 1),
    )


def align(job: AlignJob) -> Job[AlignJob, Aligned]:
    """Find when tokens are said: one window at a time."""
    return Job("align", Stage.DECODE, ("align", job.state_id), job, _align, cost=ALONE)


ALONE = 2**31
"""The cost of a job that fills a batch by itself."""


async def _detect(
    engine: Engine, rows: Sequence[DetectJob], is_alone: bool
) -> AsyncIterator[tuple[int, Detected, bool]]:
    for job in rows:
        yield job.state_id, await engine.detect_language(job), True


async def _align(
    engine: Engine, rows: Sequence[AlignJob], is_alone: bool
) -> AsyncIterator[tuple[int, Aligned, bool]]:
    for job in rows:
        yield job.state_id, await engine.align(job), True

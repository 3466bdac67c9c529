"""Stand-ins for the edges of the system: an engine without weights or processes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    Alternative,
    DecodeJob,
    DecodeRow,
    Detected,
    DetectJob,
    EncodeJob,
    EngineDied,
    Hypothesis,
    ModelInfo,
    ReleaseJob,
    Tokens,
)
from auricle.types import SAMPLE_RATE, Pcm, Window
from auricle.whisper.vocabulary import _BYTES, Vocabulary

MODEL = ModelInfo(n_mels=80, device="cpu", compute_type="int8", workers=2)

_SPECIAL = ("endoftext", "startoftranscript", "translate", "transcribe", "startofprev")
_MORE = ("nospeech", "notimestamps", "en", "de")

VOCABULARY = Vocabulary(
    folder=Path("nowhere"),
    tokens=(*_BYTES, *(f"<|{name}|>" for name in _SPECIAL + _MORE)),
    eot=256,
    sot=257,
    translate=258,
    transcribe=259,
    sot_prev=260,
    no_speech=261,
    no_timestamps=262,
    first_timestamp=1000,
    languages={"en": 263, "de": 264},
    multilingual=True,
)
"""A token for every byte."""

RAMP = 1000.0
"""Fake audio tells when it was recorded: a sample is its time in seconds, over this."""


def ramp(start_s: float, seconds: float) -> Pcm:
    times = start_s + np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (times / RAMP).astype(np.float32)


def window(index: int = 0, seconds: float = 2.0, start_s: float | None = None) -> Window:
    """A window full of speech, the ``index``-th of 30 s."""
    start_s = index * 30.0 if start_s is None else start_s
    return Window(index, start_s, ramp(start_s, seconds), ((start_s, start_s + seconds),))


@dataclass(frozen=True)
class FakeRow:
    """A row as the fake engine sees it. ``told`` is the text before."""

    start_s: float
    duration_s: float
    language: str
    told: str
    prefix: str
    n_frames: int
    has_timestamps: bool
    job: DecodeJob

    @property
    def temperature(self) -> float:
        return self.job.temperature

    @property
    def is_full(self) -> bool:
        return self.n_frames == 3000


@dataclass(frozen=True)
class FakeText:
    """What the fake engine answers: ``text`` from ``start_s`` to ``end_s`` of the window."""

    text: str
    avg_logprob: float = -0.2
    no_speech_prob: float = 0.01
    start_s: float = 0.0
    end_s: float | None = None
    goes_on: bool = False
    """It meant to say more behind ``end_s``."""
    is_truncated: bool = False
    """It ran into the limit of tokens."""
    others: tuple[tuple[str, float], ...] = ()
    """Further texts of the search with their log-probabilities."""
    told: tuple[str, ...] = ()
    """Beginnings of the text that are told while it grows, if anybody wants them."""
    told_logprob: float = -0.2
    tells_logprobs: bool = False
    """Whether each token's is told: that many hundredths below 0 as it is behind the start."""
    left: str = ""
    """The beginning at which it is left as a loop, if it may be."""

    def ids(self, heard: FakeRow) -> tuple[int, ...]:
        end_s = heard.duration_s if self.end_s is None else self.end_s
        ids = [_timestamp(self.start_s), *VOCABULARY.encode(self.text), _timestamp(end_s)]
        if not heard.has_timestamps:
            ids = ids[1:-1]
        if self.goes_on:
            ids.append(ids[-1])
        if self.is_truncated:
            ids += [VOCABULARY.encode(" ")[0]] * (heard.job.max_new_tokens - len(ids))
        return tuple(ids)

    def logprobs(self, row: DecodeRow, ids: Sequence[int]) -> tuple[float, ...]:
        if not self.tells_logprobs:
            return ()
        return tuple(0.0 if n < len(row.prefix) else -n / 100 for n in range(len(ids)))


def _timestamp(seconds: float) -> int:
    return VOCABULARY.first_timestamp + round(seconds * 50)


LOOP = FakeText(" again and again" * 12)


def spoken(heard: FakeRow) -> FakeText:
    """A window says its language and when it begins."""
    return FakeText(f" {heard.language} {heard.start_s:g}")


class FakeEngine:
    """Answers at once, unless ``gate`` is cleared: then jobs wait for it. ``languages`` are
    detected in turn. ``poison`` is when a window begins that kills the engine when it is
    decoded."""

    def __init__(
        self,
        hear: Callable[[FakeRow], FakeText] = spoken,
        info: ModelInfo = MODEL,
        poison: float | None = None,
        languages: Sequence[str] = ("de",),
    ) -> None:
        self.info = info
        self.hear = hear
        self.poison = poison
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.encodes: list[EncodeJob] = []
        self.detects: list[DetectJob] = []
        self.decodes: list[DecodeJob] = []
        self.aligns: list[AlignJob] = []
        self.heard: list[FakeRow] = []
        self.kept: dict[int, tuple[Pcm, int]] = {}
        self.running = 0
        self.most_running = 0
        self.is_dead = False
        self.is_closed = False
        self._languages = itertools.cycle(languages)

    async def encode(self, job: EncodeJob) -> None:
        self.encodes.append(job)
        await self._work()
        for row in job.rows:
            pcm = np.frombuffer(row.pcm, np.float32)
            assert len(pcm) <= job.n_frames * 160, "audio that the encoder would not see"
            self.kept[row.state_id] = pcm, job.n_frames

    async def detect_language(self, job: DetectJob) -> Detected:
        self.detects.append(job)
        await self._work()
        assert job.state_id in self.kept, "nothing was encoded"
        return Detected(((f"<|{next(self._languages)}|>", 0.9), ("<|en|>", 0.05), ("<|de|>", 0.04)))

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        self.decodes.append(job)
        await self._work()
        rows = [row for row in job.rows if row.state_id in self.kept]
        heard = [self._heard(row, job) for row in rows]
        assert len({each.n_frames for each in heard}) <= 1, "windows of different lengths together"
        assert len({len(row.prompt) for row in job.rows}) == 1, "prompts of different lengths"
        if self.poison in [each.start_s for each in heard]:
            self.die()
            raise EngineDied("poisoned")
        self.heard += heard
        for row, each in zip(rows, heard, strict=True):
            said = self.hear(each)
            for text in said.told if row.is_streamed else ():
                ids = (_timestamp(said.start_s), *VOCABULARY.encode(text))
                logprobs = said.logprobs(row, ids)
                yield Tokens(row.state_id, ids, said.told_logprob, said.no_speech_prob, logprobs)
                await asyncio.sleep(0)
            others = (
                Alternative(ids, avg_logprob, said.logprobs(row, ids))
                for text, avg_logprob in said.others[: job.n_best - 1]
                for ids in [replace(said, text=text).ids(each)]
            )
            is_loop = bool(said.left) and job.stops_on_loops
            ids = (replace(said, text=said.left) if is_loop else said).ids(each)
            yield Hypothesis(
                row.state_id,
                ids,
                said.avg_logprob,
                said.no_speech_prob,
                tuple(others),
                is_loop,
                logprobs=said.logprobs(row, ids),
            )

    async def align(self, job: AlignJob) -> Aligned:
        """Every token takes one state of the encoder."""
        self.aligns.append(job)
        await self._work()
        path = tuple((i, i) for i in range(len(job.ids) + 1))
        return Aligned(path, (0.5,) * len(job.ids))

    async def release(self, job: ReleaseJob) -> None:
        for state_id in job.state_ids:
            self.kept.pop(state_id, None)

    async def close(self) -> None:
        self.is_closed = True

    def die(self) -> None:
        self.is_dead = True
        self.kept.clear()
        self.gate.set()

    def _heard(self, row: DecodeRow, job: DecodeJob) -> FakeRow:
        pcm, n_frames = self.kept[row.state_id]
        first = row.prompt.index(VOCABULARY.sot)
        language = next(
            code for code, i in VOCABULARY.languages.items() if i == row.prompt[first + 1]
        )
        return FakeRow(
            start_s=round(float(pcm[0]) * RAMP, 3),
            duration_s=len(pcm) / SAMPLE_RATE,
            language=language,
            told=VOCABULARY.decode(row.prompt[:first]),
            prefix=VOCABULARY.decode(row.prefix),
            n_frames=n_frames,
            has_timestamps=row.prompt[-1] != VOCABULARY.no_timestamps,
            job=job,
        )

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


class Engines:
    """Starts fake engines and remembers them; ``failures`` are raised instead, in order."""

    def __init__(self, **arguments: object) -> None:
        self._arguments = arguments
        self.all: list[FakeEngine] = []
        self.failures: list[Exception] = []

    async def start(self) -> FakeEngine:
        if self.failures:
            raise self.failures.pop(0)
        self.all.append(FakeEngine(**self._arguments))  # type: ignore[arg-type]  # passed on
        return self.all[-1]

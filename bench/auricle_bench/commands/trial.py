"""A data set transcribed once by one system, in a way that can be interrupted.

Knows nothing about what the system is or how results are shown.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from auricle.cli.output import Meter
from auricle.errors import AuricleError
from auricle_bench.clips import Clip
from auricle_bench.commands.systems import System, asking
from auricle_bench.evaluation import Run, run_of
from auricle_bench.load import Ask, Limit, closed_loop
from auricle_bench.target import Answer

WARM_UP_S = 60.0
"""The first clip is transcribed once before the clock starts, unless it is longer."""


class Trial:
    """What one system answered so far, and how long that took."""

    def __init__(self, system: System, clips: Sequence[Clip]) -> None:
        self._system = system
        self._clips = clips
        self._answers: dict[Clip, Answer] = {}
        self._begun_s = self._ended_s = 0.0

    @property
    def run(self) -> Run:
        return run_of(self._system.name, self._clips, self._answers, self._ended_s - self._begun_s)

    async def transcribe(self, concurrency: int) -> None:
        """Every clip once. What was answered is kept also when this is cancelled.

        Raises:
            AuricleError: the model cannot be loaded, or nobody answers.
        """
        async with asking(self._system) as ask:
            await self._warm_up(ask)
            meter = Meter(len(self._clips))
            places = {clip: place for place, clip in enumerate(self._clips)}

            async def remembered(clip: Clip) -> Answer:
                answer = self._answers[clip] = await ask(clip)
                self._ended_s = time.perf_counter()
                meter.reached(places[clip], clip.duration_s)
                meter.finish()
                return answer

            self._begun_s = self._ended_s = time.perf_counter()
            try:
                await closed_loop(remembered, self._clips, concurrency, Limit())
            finally:
                meter.close()

    async def _warm_up(self, ask: Ask) -> None:
        """The first request loads, compiles and connects; it counts for nothing."""
        first = self._clips[0]
        if first.duration_s > WARM_UP_S:
            return
        answer = await ask(first)
        if answer.status == "no connection":
            raise AuricleError(f"nobody answers at {self._system.name}")

"""How likely somebody speaks, for all live streams of a process: in a thread, several at a time.

Knows nothing about sessions or turns. For the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from auricle.live import vad
from auricle.live.vad import SpeechState
from auricle.speech.vad import SpeechDetector
from auricle.types import Pcm

MAX_STREAMS = 8
"""In one call: more would gain nothing by company, and others would wait for longer."""

GATHER_S = 0.02
"""How long audio of a crowd is gathered before it is heard: a call for one stream takes 1 ms of a
core, for four 1.5 ms."""

CROWD = 4
"""More streams than that are one."""

Answer = tuple[list[float], SpeechState]
"""Probabilities of the frames that a stream's audio completes, and the state behind it."""


class BatchedVad:
    """`probabilities` of any stream's next audio; `close` when there are no more. While one call
    computes, what comes in meanwhile gathers for the next; where ``n_streams`` are a crowd, a
    moment longer. ``sleep`` is given seconds."""

    def __init__(
        self,
        n_streams: Callable[[], int] = lambda: 1,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._n_streams, self._sleep = n_streams, sleep
        self._detector: SpeechDetector | None = None
        self._waiting: deque[tuple[Pcm, SpeechState, asyncio.Future[Answer]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def probabilities(self, pcm: Pcm, state: SpeechState) -> Answer:
        """The next audio of one stream, behind ``state``."""
        asked: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((pcm, state, asked))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="voice detection")
        return await asked

    async def close(self) -> None:
        """Take nothing more; whoever waits is cancelled."""
        for _, _, waiting in self._waiting:
            waiting.cancel()
        self._waiting.clear()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        while self._waiting:
            if self._n_streams() > CROWD and len(self._waiting) < MAX_STREAMS:
                await self._sleep(GATHER_S)
            n = min(len(self._waiting), MAX_STREAMS)
            batch = [self._waiting.popleft() for _ in range(n)]
            streams = [(pcm, state) for pcm, state, _ in batch]
            askers = [asker for _, _, asker in batch]
            try:
                answers = await asyncio.to_thread(self._probabilities, streams)
            except Exception as exc:  # noqa: BLE001  # the border: whoever waits is told
                for asker in askers:
                    if not asker.done():
                        asker.set_exception(exc)
                continue
            for asker, answer in zip(askers, answers, strict=True):
                if not asker.done():  # whoever asked may have left
                    asker.set_result(answer)

    def _probabilities(self, streams: list[tuple[Pcm, SpeechState]]) -> list[Answer]:
        self._detector = self._detector or SpeechDetector()
        return [
            (found.tolist(), state) for found, state in vad.probabilities(self._detector, streams)
        ]

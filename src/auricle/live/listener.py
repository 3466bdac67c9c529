"""How likely somebody speaks, for all live streams of a process: in a thread, several at a time.

Knows nothing about sessions or turns. For the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque

from auricle.live import vad
from auricle.live.vad import SpeechState
from auricle.speech.vad import SpeechDetector
from auricle.types import Pcm

MAX_STREAMS = 8
"""Heard in one call: what is gained by company is gained, and others do not wait for long."""

Heard = tuple[list[float], SpeechState]
"""Probabilities of the frames that a stream's audio completes, and the state behind it."""


class Listener:
    """`hear` the next audio of any stream; `close` when there are no more. While one call computes,
    what comes in meanwhile gathers for the next."""

    def __init__(self) -> None:
        self._detector: SpeechDetector | None = None
        self._waiting: deque[tuple[Pcm, SpeechState, asyncio.Future[Heard]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def hear(self, pcm: Pcm, state: SpeechState) -> Heard:
        """The next audio of one stream, behind ``state``."""
        heard: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._waiting.append((pcm, state, heard))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="listener")
        return await heard

    async def close(self) -> None:
        """Hear nothing more; whoever waits is cancelled."""
        for _, _, heard in self._waiting:
            heard.cancel()
        self._waiting.clear()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        while self._waiting:
            n = min(len(self._waiting), MAX_STREAMS)
            batch = [self._waiting.popleft() for _ in range(n)]
            streams = [(pcm, state) for pcm, state, _ in batch]
            askers = [heard for _, _, heard in batch]
            try:
                answers = await asyncio.to_thread(self._probabilities, streams)
            except Exception as exc:  # noqa: BLE001  # the border: whoever waits is told
                for heard in askers:
                    if not heard.done():
                        heard.set_exception(exc)
                continue
            for heard, answer in zip(askers, answers, strict=True):
                if not heard.done():  # whoever asked may have left
                    heard.set_result(answer)

    def _probabilities(self, streams: list[tuple[Pcm, SpeechState]]) -> list[Heard]:
        self._detector = self._detector or SpeechDetector()
        return [
            (found.tolist(), state) for found, state in vad.probabilities(self._detector, streams)
        ]

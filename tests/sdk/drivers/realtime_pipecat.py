"""pipecat with its realtime service for OpenAI, in a live session: asked on standard input, what it
heard on standard output.

Knows nothing about what should be heard. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.stt import OpenAIRealtimeSTTService

RATE = 24_000


class Collector(FrameProcessor):  # type: ignore[misc]  # its types are in another environment
    def __init__(self, heard: dict[str, Any], last: str) -> None:
        super().__init__()
        self.heard, self.last = heard, last
        self.done = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterimTranscriptionFrame):
            self.heard["interims"].append(frame.text)
        elif isinstance(frame, TranscriptionFrame):
            self.heard["transcripts"].append(frame.text)
            if frame.text.rstrip(".").endswith(self.last):
                self.done.set()
        elif isinstance(frame, ErrorFrame):
            raise SystemExit(frame.error)
        await self.push_frame(frame, direction)


async def main(asked: dict[str, Any], pcm: bytes) -> dict[str, Any]:
    heard: dict[str, Any] = {"interims": [], "transcripts": []}
    service = OpenAIRealtimeSTTService(
        api_key=asked["key"],
        base_url=asked["socket_url"],
        turn_detection={"type": "server_vad"} if asked["vad"] else False,
        settings=OpenAIRealtimeSTTService.Settings(model=asked["model"]),
    )
    collector = Collector(heard, asked["last"])
    task = PipelineTask(
        Pipeline([service, collector]), params=PipelineParams(audio_in_sample_rate=RATE)
    )
    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    await feed(task, pcm, tells=not asked["vad"])
    await asyncio.wait_for(collector.done.wait(), 60)
    await task.queue_frame(EndFrame())
    await running
    return heard


async def feed(task: PipelineTask, pcm: bytes, *, tells: bool) -> None:
    """The recording as a transport gives it, but four times as fast. ``tells``: pipecat knows from
    when to when somebody speaks, the server does not."""
    await asyncio.sleep(1.0)  # until the service has connected
    if tells:
        await task.queue_frame(VADUserStartedSpeakingFrame())
    size = RATE // 50 * 2
    for i in range(0, len(pcm), size):
        await task.queue_frame(InputAudioRawFrame(pcm[i : i + size], RATE, 1))
        await asyncio.sleep(0.005)
    if tells:
        await task.queue_frame(VADUserStoppedSpeakingFrame())


if __name__ == "__main__":
    logger.remove()
    given = json.load(sys.stdin)
    json.dump(asyncio.run(main(given, Path(given["path"]).read_bytes())), sys.stdout)

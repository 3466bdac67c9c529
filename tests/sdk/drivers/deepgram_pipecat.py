"""pipecat with its services for Deepgram, in a live session of either version: asked on standard
input, what it heard on standard output.

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
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.deepgram.stt import DeepgramSTTService

RATE = 16_000
CHUNK_BYTES = RATE // 50 * 2
HEADER_BYTES = 44
WAIT_S = 60.0


class Collector(FrameProcessor):  # type: ignore[misc]  # its types are in another environment
    def __init__(self, last: str) -> None:
        super().__init__()
        self.last = last
        self.transcripts: list[str] = []
        self.kinds: set[str] = set()
        self.done = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.kinds.add(type(frame).__name__)
        if isinstance(frame, TranscriptionFrame):
            self.transcripts.append(frame.text)
            if frame.text.rstrip(".").endswith(self.last):
                self.done.set()
        elif isinstance(frame, ErrorFrame):
            raise SystemExit(frame.error)
        await self.push_frame(frame, direction)


def service(asked: dict[str, Any]) -> Any:
    socket = asked["url"].replace("http", "ws", 1)
    if asked["flux"]:
        return DeepgramFluxSTTService(api_key=asked["key"], url=f"{socket}/v2/listen")
    return DeepgramSTTService(api_key=asked["key"], base_url=socket)


async def main(asked: dict[str, Any], samples: bytes) -> dict[str, Any]:
    collector = Collector(asked["last"])
    task = PipelineTask(
        Pipeline([service(asked), collector]), params=PipelineParams(audio_in_sample_rate=RATE)
    )
    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    await feed(task, samples)
    await asyncio.wait_for(collector.done.wait(), WAIT_S)
    await task.queue_frame(EndFrame())
    await running
    return {"text": " ".join(collector.transcripts), "kinds": sorted(collector.kinds)}


async def feed(task: PipelineTask, samples: bytes) -> None:
    """The recording and two seconds of silence as a transport gives them, but four times as
    fast."""
    await asyncio.sleep(1.0)  # until the service has connected
    await task.queue_frame(VADUserStartedSpeakingFrame())
    samples += bytes(RATE * 4)
    for i in range(0, len(samples), CHUNK_BYTES):
        await task.queue_frame(InputAudioRawFrame(samples[i : i + CHUNK_BYTES], RATE, 1))
        await asyncio.sleep(0.005)
    await task.queue_frame(VADUserStoppedSpeakingFrame())


if __name__ == "__main__":
    logger.remove()
    given = json.load(sys.stdin)
    recording = Path(given["audio"]).read_bytes()[HEADER_BYTES:]
    json.dump(asyncio.run(main(given, recording)), sys.stdout)

"""LiveKit's agents with their plugin for Deepgram, in a live session of either version: asked on
standard input, what it heard on standard output.

Knows nothing about what should be heard. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
from livekit import rtc
from livekit.agents import stt, utils
from livekit.plugins import deepgram

RATE = 16_000
CHUNK_BYTES = RATE // 50 * 2
HEADER_BYTES = 44


def engine(asked: dict[str, Any]) -> Any:
    if asked["flux"]:
        url = f"{asked['url'].replace('http', 'ws', 1)}/v2/listen"
        return deepgram.STTv2(api_key=asked["key"], base_url=url, eager_eot_threshold=0.4)
    return deepgram.STT(api_key=asked["key"], base_url=f"{asked['url']}/v1/listen")


async def main(asked: dict[str, Any], samples: bytes) -> dict[str, Any]:
    kinds: set[str] = set()
    transcripts: list[str] = []
    async with aiohttp.ClientSession() as session:
        utils.http_context._ContextVar.set(lambda: session)
        service = engine(asked)
        stream = service.stream()
        feeding = asyncio.create_task(feed(stream, samples))
        async for event in stream:
            kinds.add(event.type)
            if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                transcripts.append(event.alternatives[0].text)
        await feeding
        await stream.aclose()
        await service.aclose()
    return {"text": " ".join(transcripts), "kinds": sorted(kinds)}


async def feed(stream: Any, samples: bytes) -> None:
    """The recording and two seconds of silence as a room gives them, but four times as fast."""
    samples += bytes(RATE * 4)
    for i in range(0, len(samples) - CHUNK_BYTES + 1, CHUNK_BYTES):
        frame = rtc.AudioFrame(samples[i : i + CHUNK_BYTES], RATE, 1, CHUNK_BYTES // 2)
        stream.push_frame(frame)
        await asyncio.sleep(0.005)
    stream.end_input()


if __name__ == "__main__":
    given = json.load(sys.stdin)
    recording = Path(given["audio"]).read_bytes()[HEADER_BYTES:]
    json.dump(asyncio.run(main(given, recording)), sys.stdout)

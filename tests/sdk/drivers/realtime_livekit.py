"""LiveKit's agents with their plugin for OpenAI, in a live session: asked on standard input, what
it heard on standard output.

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
from livekit.plugins import openai

RATE = 24_000


async def main(asked: dict[str, Any], pcm: bytes) -> dict[str, Any]:
    heard: dict[str, Any] = {"interims": [], "transcripts": [], "kinds": []}
    async with aiohttp.ClientSession() as session:
        utils.http_context._ContextVar.set(lambda: session)
        engine = openai.STT(
            model=asked["model"],
            base_url=asked["base_url"],
            api_key=asked["key"],
            use_realtime=True,
            language="en",
        )
        stream = engine.stream()
        feeding = asyncio.create_task(feed(stream, pcm))
        async for event in stream:
            if event.type not in heard["kinds"]:
                heard["kinds"].append(event.type)
            if event.type == stt.SpeechEventType.INTERIM_TRANSCRIPT:
                heard["interims"].append(event.alternatives[0].text)
            if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                heard["transcripts"].append(event.alternatives[0].text)
                if heard["transcripts"][-1].rstrip(".").endswith(asked["last"]):
                    break
        feeding.cancel()
        await stream.aclose()
        await engine.aclose()
    return heard


async def feed(stream: Any, pcm: bytes) -> None:
    """The recording as a room gives it, but four times as fast."""
    size = RATE // 50 * 2
    for i in range(0, len(pcm) - size + 1, size):
        stream.push_frame(rtc.AudioFrame(pcm[i : i + size], RATE, 1, size // 2))
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    given = json.load(sys.stdin)
    json.dump(asyncio.run(main(given, Path(given["path"]).read_bytes())), sys.stdout)

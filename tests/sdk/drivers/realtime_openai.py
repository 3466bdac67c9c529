"""OpenAI's Python SDK in a live session: asked on standard input, what it heard on standard output.

Knows nothing about what should be heard. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from typing import Any

import openai


async def main(asked: dict[str, Any]) -> dict[str, Any]:
    client = openai.AsyncOpenAI(base_url=asked["base_url"], api_key=asked["key"])
    if asked["secret"]:
        made = await client.realtime.client_secrets.create(session=asked["session"])
        client = openai.AsyncOpenAI(base_url=asked["base_url"], api_key=made.value)
    query = {} if asked["secret"] else {"intent": "transcription"}
    async with client.realtime.connect(extra_query=query) as connection:
        if not asked["secret"]:
            await connection.session.update(session=asked["session"])
        for piece in asked["pieces"]:
            await connection.input_audio_buffer.append(audio=piece)
        await connection.input_audio_buffer.commit()
        return await heard(connection)


async def heard(connection: Any) -> dict[str, Any]:
    """What it says until the first item is complete."""
    found: dict[str, Any] = {"types": [], "deltas": "", "transcripts": []}
    async for event in connection:
        if event.type not in found["types"]:
            found["types"].append(event.type)
        match event.type:
            case "conversation.item.input_audio_transcription.delta":
                found["deltas"] += event.delta
            case "conversation.item.input_audio_transcription.completed":
                found["transcripts"].append(event.transcript)
                return found
            case "error":
                raise SystemExit(event.error.message)
    raise SystemExit("the session ended early")


def pieces(path: str) -> list[str]:
    """The recording, which is pcm of 24 kHz, 100 ms at a time."""
    with open(path, "rb") as file:
        pcm = file.read()
    return [base64.b64encode(pcm[i : i + 4800]).decode() for i in range(0, len(pcm), 4800)]


if __name__ == "__main__":
    given = json.load(sys.stdin)
    given["pieces"] = pieces(given["path"])
    json.dump(asyncio.run(main(given)), sys.stdout)

"""Drives Deepgram's Python SDK from 7 on. Runs in an environment of its own."""

from __future__ import annotations

import threading
from typing import Any

from deepgram import DeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment
from deepgram_heard import OPTIONS, WAIT_S, Heard, chunks, run


def newest(asked: dict[str, Any], audio: bytes) -> dict[str, Any]:
    http, ws = asked["url"], asked["url"].replace("http", "ws", 1)
    places = DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)
    client = DeepgramClient(api_key=asked["key"], environment=places)
    posted = client.listen.v1.media.transcribe_file(
        request=audio, model="nova-3", smart_format=True, utterances=True
    )

    def follow(connection: Any) -> dict[str, Any]:
        heard = Heard()
        connection.on(EventType.MESSAGE, heard.take)
        connection.on(EventType.ERROR, lambda exc: heard.errors.append(str(exc)))
        listening = threading.Thread(target=connection.start_listening)
        listening.start()
        for chunk in chunks(audio):
            connection.send_media(chunk)
        connection.send_close_stream()
        listening.join(WAIT_S)
        told: dict[str, Any] = heard.told()
        return told

    with client.listen.v1.connect(**OPTIONS) as connection:
        live = follow(connection)
    flux: dict[str, Any] = {}
    if asked["flux"]:
        with client.listen.v2.connect(
            model="flux-general-en",
            encoding="linear16",
            sample_rate=16000,
            eager_eot_threshold=0.4,
        ) as connection:
            flux = follow(connection)
    alternative = posted.results.channels[0].alternatives[0]
    return {
        "posted": alternative.transcript,
        "words": len(alternative.words),
        "duration": posted.metadata.duration,
        "live": live,
        "flux": flux,
    }


if __name__ == "__main__":
    run("deepgram-sdk", newest)

"""What drivers of Deepgram's Python SDKs share: what they send, and what they note of answers.

Knows nothing about Auricle or any one SDK.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

CHUNK_BYTES = 3200
HEADER_BYTES = 44
WAIT_S = 30.0

OPTIONS: dict[str, Any] = {
    "model": "nova-3",
    "encoding": "linear16",
    "sample_rate": 16000,
    "channels": 1,
    "interim_results": True,
    "punctuate": True,
    "vad_events": True,
    "utterance_end_ms": 1000,
}


class Heard:
    """What the server said on one socket."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.finals: list[str] = []
        self.errors: list[str] = []
        self.finalized = threading.Event()

    def take(self, message: Any) -> None:
        self.kinds.append(message.type)
        if message.type == "Results" and message.is_final:
            self.finals.append(message.channel.alternatives[0].transcript)
            if message.from_finalize:
                self.finalized.set()
        if message.type == "TurnInfo" and message.event == "EndOfTurn":
            self.finals.append(message.transcript)

    def told(self) -> dict[str, Any]:
        return {
            "text": " ".join(filter(None, self.finals)),
            "kinds": sorted(set(self.kinds)),
            "last": self.kinds[-1] if self.kinds else None,
            "errors": self.errors,
        }


def chunks(audio: bytes) -> list[bytes]:
    samples = audio[HEADER_BYTES:]
    return [samples[i : i + CHUNK_BYTES] for i in range(0, len(samples), CHUNK_BYTES)]


def run(package: str, drive: Callable[[dict[str, Any], bytes], dict[str, Any]]) -> None:
    """Asks come on standard input, what the SDK got goes to standard output."""
    asked = json.load(sys.stdin)
    found = drive(asked, Path(asked["audio"]).read_bytes())
    json.dump({"version": version(package), **found}, sys.stdout)

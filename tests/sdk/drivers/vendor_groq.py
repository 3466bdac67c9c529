"""Groq's own SDK: its base URL has no path, and it appends /openai/v1.

Knows nothing about what the texts should be. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import groq


def heard(asked: dict[str, Any]) -> dict[str, Any]:
    client = groq.Groq(base_url=asked["url"], api_key=asked["key"])
    with Path(asked["path"]).open("rb") as file:
        found = client.audio.transcriptions.create(
            file=file,
            model=asked["model"],
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
    return {"text": found.text, "words": len(found.words), "segments": len(found.segments)}


if __name__ == "__main__":
    json.dump(heard(json.load(sys.stdin)), sys.stdout)

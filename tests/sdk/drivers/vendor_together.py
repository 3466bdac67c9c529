"""Together's SDK, which documents ``auto`` as a language.

Knows nothing about what the texts should be. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import together


def heard(asked: dict[str, Any]) -> dict[str, Any]:
    client = together.Together(base_url=asked["url"], api_key=asked["key"])
    with Path(asked["path"]).open("rb") as file:
        found = client.audio.transcriptions.create(
            file=file, model=asked["model"], language="auto", response_format="json"
        )
    return {"text": found.text}


if __name__ == "__main__":
    json.dump(heard(json.load(sys.stdin)), sys.stdout)

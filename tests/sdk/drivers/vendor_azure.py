"""OpenAI's SDK for Azure: a path of the deployment, and the key in a header of its own.

Knows nothing about what the texts should be. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import openai


def heard(asked: dict[str, Any]) -> dict[str, Any]:
    client = openai.AzureOpenAI(
        azure_endpoint=asked["url"], api_key=asked["key"], api_version="2024-06-01"
    )
    with Path(asked["path"]).open("rb") as file:
        return {"text": client.audio.transcriptions.create(file=file, model=asked["model"]).text}


if __name__ == "__main__":
    json.dump(heard(json.load(sys.stdin)), sys.stdout)

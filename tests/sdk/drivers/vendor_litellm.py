"""litellm: it adds verbose_json for whisper-1 by itself, and asks others for words as json.

Knows nothing about what the texts should be. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import litellm


def heard(asked: dict[str, Any]) -> dict[str, Any]:
    litellm.telemetry = False

    def text(model: str, **given: Any) -> Any:
        with Path(asked["path"]).open("rb") as file:
            return litellm.transcription(
                model=model, file=file, api_base=f"{asked['url']}/v1", api_key=asked["key"], **given
            )

    words = text("openai/gpt-4o-transcribe", timestamp_granularities=["word"])
    streamed = text("openai/whisper-1", stream=True)
    return {
        "text": text("openai/whisper-1").text,
        "hosted_vllm": text(f"hosted_vllm/{asked['model']}", timestamp_granularities=["word"]).text,
        "words": words.text,
        "streamed": getattr(streamed, "text", None) or "".join(map(str, streamed)),
    }


if __name__ == "__main__":
    json.dump(heard(json.load(sys.stdin)), sys.stdout)

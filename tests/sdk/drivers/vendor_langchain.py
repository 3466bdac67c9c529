"""langchain's parser of audio files, which makes mp3 of them.

Knows nothing about what the texts should be. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from langchain_community.document_loaders.blob_loaders import Blob
from langchain_community.document_loaders.parsers.audio import OpenAIWhisperParser


def heard(asked: dict[str, Any]) -> dict[str, Any]:
    parser = OpenAIWhisperParser(
        api_key=asked["key"], base_url=f"{asked['url']}/v1", model=asked["model"], language="en"
    )
    [document] = parser.lazy_parse(Blob.from_path(asked["path"]))
    return {"text": document.page_content}


if __name__ == "__main__":
    json.dump(heard(json.load(sys.stdin)), sys.stdout)

"""One faster-whisper pipeline at its defaults (beam 5): what a server that makes one per request
does. Reads ``[[path, language], …]`` from standard input, writes the texts as JSON."""

from __future__ import annotations

import json
import sys

from faster_whisper import WhisperModel


def main() -> None:
    model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8")
    texts = []
    for path, language in json.load(sys.stdin):
        segments, _ = model.transcribe(path, language=language)
        texts.append("".join(segment.text for segment in segments).strip())
    json.dump(texts, sys.stdout)


if __name__ == "__main__":
    main()

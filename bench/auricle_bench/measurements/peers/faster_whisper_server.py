"""A server that makes one faster-whisper pipeline call per request, as similar servers do.

Knows nothing about other requests: a thread each, on one shared model, everything at the defaults
of faster-whisper but the number format (int8, as Auricle has it on a CPU). Measured beside Auricle:

    cd bench && python -m auricle_bench.measurements.peers.faster_whisper_server base --port 8001

``--beam 1`` is greedy, ``--workers 2`` reads two at a time, ``--batched`` is its
``BatchedInferencePipeline``, which cuts recordings by voice detection and reads the parts together.
"""

from __future__ import annotations

import argparse
import io
from typing import Any

from faster_whisper import BatchedInferencePipeline, WhisperModel

from auricle.models.fetch import locate
from auricle.settings.config import load
from auricle_bench.measurements.peers import endpoints


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", help="name of a model in Auricle's cache")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--beam", type=int, default=5, help="beam size; this is its own default")
    parser.add_argument("--workers", type=int, default=1, help="transcriptions at a time")
    parser.add_argument("--batched", action="store_true", help="with BatchedInferencePipeline")
    given = parser.parse_args()
    folder = str(locate(given.model, load()).path)
    model = WhisperModel(folder, device="cpu", compute_type="int8", num_workers=given.workers)
    pipeline = BatchedInferencePipeline(model) if given.batched else model

    def transcribe(content: bytes, language: str | None, has_words: bool) -> dict[str, Any]:
        found, _ = pipeline.transcribe(
            io.BytesIO(content), language=language, word_timestamps=has_words, beam_size=given.beam
        )
        segments = list(found)
        words = [
            {"word": word.word.strip(), "start": word.start, "end": word.end}
            for segment in segments
            for word in segment.words or ()
        ]
        return {"text": "".join(segment.text for segment in segments).strip(), "words": words}

    endpoints.serve(transcribe, given.port)


if __name__ == "__main__":
    main()

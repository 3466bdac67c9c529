"""A server that makes one faster-whisper pipeline call per request, as similar servers do.

Knows nothing about other requests: a thread each, on one shared model, everything at the defaults
of faster-whisper but the number format (int8, as Auricle has it on a CPU). Measured beside Auricle:

    python -m bench.peers.faster_whisper_server FOLDER --port 8001 [--beam 1] [--workers 2]
"""

from __future__ import annotations

import argparse
import io
from typing import Any

import uvicorn
from faster_whisper import WhisperModel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Peer:
    """The two endpoints. ``options`` go to every `WhisperModel.transcribe`."""

    def __init__(self, model: WhisperModel, options: dict[str, Any]) -> None:
        self._model = model
        self._options = options

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def transcribe(self, request: Request) -> Response:
        async with request.form() as form:
            file, language = form["file"], form.get("language")
            has_words = form.get("timestamp_granularities[]") == "word"
            assert isinstance(file, UploadFile)
            body = await run_in_threadpool(self._body, await file.read(), language, has_words)
        return JSONResponse(body)

    def _body(self, content: bytes, language: object, has_words: bool) -> dict[str, Any]:
        found, _ = self._model.transcribe(
            io.BytesIO(content), language=language, word_timestamps=has_words, **self._options
        )
        segments = list(found)
        words = [
            {"word": word.word.strip(), "start": word.start, "end": word.end}
            for segment in segments
            for word in segment.words or ()
        ]
        return {"text": "".join(segment.text for segment in segments).strip(), "words": words}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", help="folder of a CTranslate2 checkpoint")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--beam", type=int, help="beam size; faster-whisper's default is 5")
    parser.add_argument("--workers", type=int, default=1, help="transcriptions at a time")
    given = parser.parse_args()
    model = WhisperModel(given.model, device="cpu", compute_type="int8", num_workers=given.workers)
    peer = Peer(model, {} if given.beam is None else {"beam_size": given.beam})
    routes = [
        Route("/health", peer.health),
        Route("/v1/audio/transcriptions", peer.transcribe, methods=["POST"]),
    ]
    uvicorn.run(Starlette(routes=routes), port=given.port, log_level="warning")


if __name__ == "__main__":
    main()

"""The two endpoints of a peer: as much of OpenAI's API as a measurement asks for.

Knows nothing about how a recording becomes text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Transcribe = Callable[[bytes, str | None, bool], dict[str, Any]]
"""A file's content, its language, and whether words are wanted, to ``text`` and ``words``."""


def serve(transcribe: Transcribe, port: int) -> None:
    """Answer until the process is stopped; each request has a thread."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def answer(request: Request) -> Response:
        async with request.form() as form:
            file, language = form["file"], form.get("language")
            has_words = form.get("timestamp_granularities[]") == "word"
            assert isinstance(file, UploadFile)
            assert not isinstance(language, UploadFile)
            body = await run_in_threadpool(transcribe, await file.read(), language, has_words)
        return JSONResponse(body)

    routes = [
        Route("/health", health),
        Route("/v1/audio/transcriptions", answer, methods=["POST"]),
    ]
    uvicorn.run(Starlette(routes=routes), port=port, log_level="warning")

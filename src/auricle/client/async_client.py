"""The client for asyncio: the same calls, awaited.

Knows nothing about what is sent or how answers are read; ``calls`` does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Literal, Unpack, overload

import httpx2

from auricle.client import calls
from auricle.client.calls import Answer, Asked, Call
from auricle.client.fields import Fields, JsonFormat, TextFormat
from auricle.client.results import Event, Health, Model, Result, Transcription
from auricle.client.retry import Attempts
from auricle.client.settings import DEFAULT_MODEL, DEFAULT_TIMEOUT_S, DEFAULT_URL, Connection
from auricle.client.upload import Progress, Recording


class AsyncClient:
    """`Client` for asyncio, to be used in one event loop."""

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        api_key: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
        max_retries: int = 2,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = Connection(base_url, api_key, timeout, max_retries)
        self._http = httpx2.AsyncClient(
            headers=self._connection.headers,
            timeout=self._connection.timeout,
            transport=transport,
        )

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    @overload
    async def transcribe(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: JsonFormat | None = None,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> Transcription: ...

    @overload
    async def transcribe(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: TextFormat,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> str: ...

    async def transcribe(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: JsonFormat | TextFormat | None = None,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> Transcription | str:
        """What is said in a recording. Without ``response_format`` the answer has segments with
        their times; text, srt and vtt are strings."""
        asked = Asked(recording, model, response_format, fields, progress)
        return await self._answer(calls.whole("transcriptions", asked))

    @overload
    async def translate(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: JsonFormat | None = None,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> Transcription: ...

    @overload
    async def translate(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: TextFormat,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> str: ...

    async def translate(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: JsonFormat | TextFormat | None = None,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> Transcription | str:
        """The same in English."""
        asked = Asked(recording, model, response_format, fields, progress)
        return await self._answer(calls.whole("translations", asked))

    async def stream(
        self,
        recording: Recording,
        *,
        task: Literal["transcribe", "translate"] = "transcribe",
        model: str = DEFAULT_MODEL,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> AsyncGenerator[Event]:
        """The text while it is recognised: deltas, then a `TextDone`. The request is sent when the
        first event is asked for, and given up when the generator is closed."""
        asked = Asked(recording, model, None, fields, progress)
        async with self._opened(calls.streamed(calls.ACTIONS[task], asked)) as response:
            events = calls.Events(response.headers.get("x-request-id"))
            async for piece in response.aiter_bytes():
                for event in events.feed(piece):
                    yield event
            events.check_done()

    async def models(self) -> tuple[Model, ...]:
        """The names the server answers to, and how the model behind each is."""
        return await self._answer(calls.models())

    async def health(self) -> Health:
        """Whether the server can take requests now."""
        return await self._answer(calls.health())

    async def _answer(self, call: Call[Result]) -> Result:
        async with self._opened(call) as response:
            content = await response.aread()
        return call.read(Answer(response.status_code, response.headers, content))

    @contextlib.asynccontextmanager
    async def _opened(self, call: Call[Result]) -> AsyncIterator[httpx2.Response]:
        """The answer to a call, to be read while the context lasts."""
        with self._connection.kept():
            response = await self._accepted(call)
            async with contextlib.aclosing(response):
                yield response

    async def _accepted(self, call: Call[Result]) -> httpx2.Response:
        """An answer that is no refusal; until then the call is sent again as allowed."""
        attempts = Attempts(self._connection.max_retries, call.is_repeatable)
        while True:
            wait_s: float | None
            try:
                response = await self._http.send(self._request(call), stream=True)
                if response.status_code in call.accepted:
                    return response
                answer = Answer(response.status_code, response.headers, await response.aread())
            except httpx2.TransportError as exc:
                wait_s = attempts.after_failure(exc)
                if wait_s is None:
                    raise
            else:
                wait_s = attempts.after_refusal(answer.status, answer.headers)
                if wait_s is None:
                    raise calls.error_of(answer)
            await asyncio.sleep(wait_s)

    def _request(self, call: Call[Result]) -> httpx2.Request:
        return self._http.build_request(
            call.method,
            self._connection.url + call.path,
            headers=call.headers,
            content=call.upload.async_pieces() if call.upload is not None else None,
        )

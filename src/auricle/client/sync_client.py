"""The client for ordinary code: each call returns when the server has answered.

Knows nothing about what is sent or how answers are read; ``calls`` does.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from typing import Literal, Unpack, overload

import httpx2

from auricle.client import calls
from auricle.client.calls import Answer, Asked, Call
from auricle.client.fields import Fields, JsonFormat, TextFormat
from auricle.client.results import Event, Health, Model, Result, Transcription
from auricle.client.retry import Attempts
from auricle.client.settings import DEFAULT_MODEL, DEFAULT_TIMEOUT_S, DEFAULT_URL, Connection
from auricle.client.upload import Progress, Recording


class Client:
    """A server that turns recordings into text. Threads may share a client; close it when done, or
    use it as a context manager.

    ``timeout`` is how many seconds the server may be silent: without streaming it is, until the
    whole recording is done. ``max_retries`` bounds how often a request is sent again that the
    server could not take just then. ``transport`` is for proxies, certificates and tests.

    Every call raises `ClientError`; a recording that cannot be read raises `OSError`.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        api_key: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
        max_retries: int = 2,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._connection = Connection(base_url, api_key, timeout, max_retries)
        self._http = httpx2.Client(
            headers=self._connection.headers,
            timeout=self._connection.timeout,
            transport=transport,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    @overload
    def transcribe(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: JsonFormat | None = None,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> Transcription: ...

    @overload
    def transcribe(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: TextFormat,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> str: ...

    def transcribe(
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
        return self._answer(calls.whole("transcriptions", asked))

    @overload
    def translate(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: JsonFormat | None = None,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> Transcription: ...

    @overload
    def translate(
        self,
        recording: Recording,
        *,
        model: str = DEFAULT_MODEL,
        response_format: TextFormat,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> str: ...

    def translate(
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
        return self._answer(calls.whole("translations", asked))

    def stream(
        self,
        recording: Recording,
        *,
        task: Literal["transcribe", "translate"] = "transcribe",
        model: str = DEFAULT_MODEL,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> Generator[Event]:
        """The text while it is recognised: deltas, then a `TextDone`. The request is sent when the
        first event is asked for, and given up when the generator is closed."""
        asked = Asked(recording, model, None, fields, progress)
        with self._opened(calls.streamed(calls.ACTIONS[task], asked)) as response:
            events = calls.Events(response.headers.get("x-request-id"))
            for piece in response.iter_bytes():
                yield from events.feed(piece)
            events.check_done()

    def models(self) -> tuple[Model, ...]:
        """The names the server answers to, and how the model behind each is."""
        return self._answer(calls.models())

    def health(self) -> Health:
        """Whether the server can take requests now."""
        return self._answer(calls.health())

    def _answer(self, call: Call[Result]) -> Result:
        with self._opened(call) as response:
            content = response.read()
        return call.read(Answer(response.status_code, response.headers, content))

    @contextlib.contextmanager
    def _opened(self, call: Call[Result]) -> Iterator[httpx2.Response]:
        """The answer to a call, to be read while the context lasts."""
        with self._connection.kept():
            response = self._accepted(call)
            with contextlib.closing(response):
                yield response

    def _accepted(self, call: Call[Result]) -> httpx2.Response:
        """An answer that is no refusal; until then the call is sent again as allowed."""
        attempts = Attempts(self._connection.max_retries, call.is_repeatable)
        while True:
            wait_s: float | None
            try:
                response = self._http.send(self._request(call), stream=True)
                if response.status_code in call.accepted:
                    return response
                answer = Answer(response.status_code, response.headers, response.read())
            except httpx2.TransportError as exc:
                wait_s = attempts.after_failure(exc)
                if wait_s is None:
                    raise
            else:
                wait_s = attempts.after_refusal(answer.status, answer.headers)
                if wait_s is None:
                    raise calls.error_of(answer)
            time.sleep(wait_s)

    def _request(self, call: Call[Result]) -> httpx2.Request:
        return self._http.build_request(
            call.method,
            self._connection.url + call.path,
            headers=call.headers,
            content=call.upload.pieces() if call.upload is not None else None,
        )

"""One server as a client sees it: the form it takes and the answers it gives, in two dialects.

Knows nothing about how many requests are made, or when.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import httpx2
import msgspec

from auricle.speakers.turns import NamedTurn
from auricle_bench.clips import Clip
from auricle_bench.speaker_references import SpeakerLine

Dialect = Literal["openai", "whispercpp"]

PIECE_BYTES = 64 * 1024
SHOWN_CHARS = 300
_BOUNDARY = "auricle-bench-3f9c1d7e5a2b"


@dataclass(frozen=True)
class Target:
    """Where requests go and what they carry beside the recording.

    ``url`` may end in ``/v1``. The language of a clip is sent unless ``detect_language``.
    ``stream`` asks for server-sent events, which only OpenAI's dialect has.
    """

    url: str
    dialect: Dialect = "openai"
    model: str = "whisper-1"
    fields: tuple[tuple[str, str], ...] = ()
    stream: bool = False
    detect_language: bool = False
    api_key: str | None = None
    timeout_s: float = 900.0

    @cached_property
    def endpoint(self) -> str:
        base = self.url.rstrip("/").removesuffix("/v1")
        path = "/inference" if self.dialect == "whispercpp" else "/v1/audio/transcriptions"
        return base + path

    def form(self, clip: Clip) -> dict[str, str]:
        """The text fields for a clip; those of ``fields`` win."""
        form = {"response_format": "json"}
        if self.dialect == "openai":
            form["model"] = self.model
        if clip.language is not None and not self.detect_language:
            form["language"] = clip.language
        if self.stream:
            form["stream"] = "true"
        return form | dict(self.fields)


@dataclass(frozen=True, slots=True)
class Answer:
    """How one request ended. Times are those of `time.perf_counter`.

    ``status`` is the HTTP status, or a word for what came instead of one. ``text`` is None unless
    the server answered with a transcript.
    """

    status: str
    text: str | None = None
    sent_at: float | None = None
    """When the last byte of the upload was handed to the system."""
    first_text_at: float | None = None
    complaint: str | None = None
    """What the server said instead of a transcript, shortened."""
    turns: tuple[NamedTurn, ...] = ()
    """Who speaks when, where speakers were asked for; a server's segments, with their pauses."""
    said: tuple[SpeakerLine, ...] | None = None
    """The text by speaker; None where nobody asked."""


class Client:
    """Asks a target for transcripts over as many connections as needed; recordings are read once
    and kept, so that a request costs this process little. Use as a context manager."""

    def __init__(self, target: Target) -> None:
        self.target = target
        headers = {"authorization": f"Bearer {target.api_key}"} if target.api_key else {}
        self._http = httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(target.timeout_s),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
        )
        self._contents: dict[Clip, bytes] = {}

    async def __aenter__(self) -> Client:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def load(self, clips: Iterable[Clip]) -> None:
        """Read recordings before the clock runs."""
        self._contents |= {clip: clip.path.read_bytes() for clip in set(clips)}

    def forget(self, clip: Clip) -> None:
        """Give back the memory of a recording that is not sent again."""
        self._contents.pop(clip, None)

    async def ask(self, clip: Clip) -> Answer:
        """One request, to its end. Failures are answers too; nothing is raised."""
        body = _Body(self.target.form(clip), clip.path.name, self._contents[clip])
        try:
            async with self._http.stream(
                "POST", self.target.endpoint, content=body, headers=body.headers
            ) as response:
                return await _read(response, body)
        except httpx2.TimeoutException:
            return Answer("timeout", sent_at=body.sent_at)
        except httpx2.ConnectError:
            return Answer("no connection")
        except httpx2.HTTPError:
            return Answer("broken connection", sent_at=body.sent_at)


class _Body:
    """A multipart form, sent piece by piece so that the end of the upload has a time."""

    def __init__(self, form: dict[str, str], file_name: str, content: bytes) -> None:
        head = [
            f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in form.items()
        ]
        safe_name = file_name.replace('"', "%22").replace("\r", "").replace("\n", "")
        head.append(
            f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="file"; '
            f'filename="{safe_name}"\r\ncontent-type: application/octet-stream\r\n\r\n'
        )
        self._parts = ("".join(head).encode(), content, f"\r\n--{_BOUNDARY}--\r\n".encode())
        self.sent_at: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {
            "content-type": f"multipart/form-data; boundary={_BOUNDARY}",
            "content-length": str(sum(map(len, self._parts))),
        }

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces():
            yield piece
        self.sent_at = time.perf_counter()

    def _pieces(self) -> Iterator[bytes]:
        for part in self._parts:
            for first in range(0, len(part), PIECE_BYTES):
                yield part[first : first + PIECE_BYTES]


async def _read(response: httpx2.Response, body: _Body) -> Answer:
    status = str(response.status_code)
    kind = response.headers.get("content-type", "")
    if response.status_code != 200:
        return Answer(status, sent_at=body.sent_at, complaint=_complaint(await response.aread()))
    if kind.startswith("text/event-stream"):
        return await _read_events(response, body)
    content = await response.aread()
    if kind.startswith("text/plain"):
        return Answer(status, content.decode(errors="replace").strip(), body.sent_at)
    document = _object(content)
    text = document.get("text")
    if not isinstance(text, str):
        return Answer("not a transcript", sent_at=body.sent_at, complaint=_complaint(content))
    answer = Answer(status, text.strip(), body.sent_at)
    segments = document.get("segments")
    return answer if not isinstance(segments, list) else with_speakers(answer, segments)


def with_speakers(answer: Answer, segments: Iterable[Any]) -> Answer:
    """The answer with the speakers of segments, as OpenAI and others write them, if they have
    any."""
    named = [each for each in segments if isinstance(each, dict) and "speaker" in each]
    if not named:
        return answer
    said = tuple(SpeakerLine(str(each["speaker"]), str(each.get("text", ""))) for each in named)
    turns = tuple(
        NamedTurn(float(each.get("start", 0)), float(each.get("end", 0)), str(each["speaker"]))
        for each in named
    )
    return replace(answer, turns=turns, said=said)


async def _read_events(response: httpx2.Response, body: _Body) -> Answer:
    """Text grows by deltas or whole segments; a ``done`` event has all of it."""
    pieces: list[str] = []
    whole: str | None = None
    first_text_at: float | None = None
    async for line in response.aiter_lines():
        if not line.startswith("data:"):
            continue
        event = _object(line.removeprefix("data:").encode())
        if "error" in event:
            complaint = line[:SHOWN_CHARS]
            return Answer("error event", None, body.sent_at, first_text_at, complaint)
        if event.get("type") == "transcript.text.done":
            whole = str(event.get("text", ""))
            continue
        piece = event.get("delta", event.get("text"))
        if isinstance(piece, str) and piece:
            first_text_at = first_text_at or time.perf_counter()
            pieces.append(piece)
    text = "".join(pieces) if whole is None else whole
    return Answer(str(response.status_code), text.strip(), body.sent_at, first_text_at)


def _complaint(content: bytes) -> str:
    """The message of an error as OpenAI writes it, else what came, shortened."""
    error = _object(content).get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return (message if isinstance(message, str) else content.decode(errors="replace"))[:SHOWN_CHARS]


def _object(content: bytes) -> dict[str, Any]:
    """A JSON object of any shape, as foreign servers send it; empty when it is none."""
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}

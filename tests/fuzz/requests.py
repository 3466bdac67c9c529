"""Damaged HTTP requests to every route: heads, queries, forms and JSON bodies."""

from __future__ import annotations

import base64
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlencode

from auricle.fields.table import FIELDS
from tests.fuzz.asgi import Application, Asked, Header, application
from tests.fuzz.mutation import TEXTS, Damage
from tests.fuzz.target import Trial

AUDIO = b"RIFF" + bytes(200)
FORMS = (
    "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/audio/diarization", "/inference",
    "/asr", "/detect-language", "/v1/jobs", "/v1/files", "/openai/v1/audio/transcriptions",
    "/openai/deployments/base/audio/transcriptions",
)  # fmt: skip
JSON: dict[str, object] = {
    "/v1/audio/transcriptions": {
        "model": "whisper-1",
        "input_audio": {"data": base64.b64encode(AUDIO).decode(), "format": "wav"},
        "language": "en",
        "timestamp_granularities": ["word"],
        "chunking_strategy": {"type": "server_vad", "threshold": 0.5},
    },
    "/v1/jobs": {"model": "base", "input_audio": {"data": "UklGRg=="}, "name": "a"},
    "/v1/realtime/client_secrets": {
        "expires_after": {"anchor": "created_at", "seconds": 600},
        "session": {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": {"model": "whisper-1", "language": "en"},
                    "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
                }
            },
        },
    },
    "/v1/realtime/transcription_sessions": {
        "input_audio_format": "pcm16",
        "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": {"type": "server_vad"},
    },
    "/v1/auth/grant": {"ttl_seconds": 30},
    "/v1/batches": {
        "input_file_id": "file-x",
        "endpoint": "/v1/audio/transcriptions",
        "completion_window": "24h",
        "metadata": {"a": "b"},
    },
    "/v1/listen": {"url": "http://localhost/"},
    "/v1/init": {"model": "base"},
}
PATHS = (
    "/", "/health", "/livez", "/readyz", "/metrics", "/docs", "/docs/x.js", "/page/app.js",
    "/v1/models", "/v1/models/base", "/v1/models/base/load", "/v1/models/small/unload",
    "/v1/models/small/download", "/v1/downloads", "/v1/machine", "/v1/status", "/v1/reset",
    "/v1/jobs", "/v1/jobs/job_x", "/v1/jobs/job_x/result", "/v1/jobs/job_x/cancel", "/v1/files",
    "/v1/files/file-x", "/v1/files/file-x/content", "/v1/batches", "/v1/batches/batch_x",
    "/v1/batches/batch_x/cancel", "/v1/listen", "/openapi.json", "/v1/realtime",
)  # fmt: skip
METHODS = ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH", "BREW")
NAMES = (
    *(field.name for field in FIELDS), "task", "path", "url", "webhook_url", "webhook_secret",
    "name", "purpose", "expires_after[seconds]",
    "output", "encode", "detect_language", "limit", "after",
    "order", "status", "max_len", "split_on_word", "callback", "punctuate", "keyterm", "encoding",
    "sample_rate", "channels", "endpointing", "api-version",
)  # fmt: skip
VALUES = (
    "whisper-1", "base", "true", "false", "1", "0", "0.5", "en", "de", "json", "text", "srt", "vtt",
    "verbose_json", "diarized_json", "word", "segment", "auto", "logprobs", "transcribe", "batch",
    "linear16", "16000", "http://example.org/a.wav", "a.wav", "server_vad", "user_data",
)  # fmt: skip
HEADERS: Sequence[Header] = (
    (b"content-length", b"10"), (b"content-length", b"-1"), (b"content-length", b"9" * 40),
    (b"content-length", b"\xb2"), (b"content-length", b"1e3"), (b"transfer-encoding", b"gzip"),
    (b"content-type", b"application/json"), (b"content-type", b"multipart/form-data; boundary=XX"),
    (b"content-type", b"application/json; charset=utf-16"), (b"content-type", b"audio/wav"),
    (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    (b"traceparent", b"00-0-0-0"), (b"range", b"bytes=0-0"), (b"range", b"bytes=-1"),
    (b"range", b"bytes=5-1,,"), (b"range", b"bytes=0-1,2-3"), (b"if-range", b'"x"'),
    (b"if-none-match", b"*"), (b"if-modified-since", b"never"), (b"expect", b"100-continue"),
    (b"authorization", b"Bearer x"), (b"authorization", b"Basic \xe9"),
    (b"authorization", b"Basic"),
    (b"authorization", b"Bearer\tx"), (b"api-key", b"\xff"), (b"x-api-key", b""),
    (b"origin", b"http://["), (b"origin", b"null"), (b"origin", b"http://localhost:1"),
    (b"host", b"example.org"), (b"host", b""), (b"host", b"["), (b"accept", b"text/html"),
    (b"accept-encoding", b"gzip;q=x"), (b"x-auricle-deadline", b"5"), (b"x-request-id", b"\x00"),
    (b"x-auricle-deadline", b"nan"), (b"x-auricle-deadline", b"-1"), (b"x-forwarded-for", b"::1%a"),
    (b"content-encoding", b"gzip"), (b"cookie", b"a=b; =;"),
    (b"access-control-request-method", b"X"),
    (b"sec-fetch-site", b"cross-site"), (b"connection", b"upgrade"), (b"upgrade", b"websocket"),
)  # fmt: skip


class _Requests:
    """Draws requests and asks them."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def attempt(self, rng: random.Random) -> str:
        return await self._application.ask(drawn(rng))


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Trial]:
    async with application(allow_shutdown=False) as found:
        yield _Requests(found)


def drawn(rng: random.Random) -> Asked:
    """A request with something wrong in it, more or less."""
    damage = Damage(rng)
    match rng.randrange(5):
        case 0 | 1:
            return form(damage)
        case 2 | 3:
            return json_body(damage)
        case _:
            return head(damage)


def form(damage: Damage) -> Asked:
    rng = damage.rng
    pairs = fields(damage)
    body = b"".join(
        f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode("utf-8", "replace")
        + value.encode("utf-8", "surrogatepass")
        + b"\r\n"
        for name, value in pairs
    )
    if rng.random() < 0.9:
        body += b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        body += AUDIO + b"\r\n"
    body += b"--XX--\r\n"
    if rng.random() < 0.3:
        body = damage.data(body, (b"--XX", b"--XX--", b"\r\n\r\n", b'"', b"\x00", b"filename*=x"))
    kind = b"multipart/form-data; boundary=XX"
    kind = damage.data(kind, max_edits=2) if rng.random() < 0.1 else kind
    path = rng.choice(FORMS)
    return Asked("POST", path, query(damage), (*headers(damage), (b"content-type", kind)),
                 tuple(damage.pieces(body)))  # fmt: skip


def json_body(damage: Damage) -> Asked:
    rng = damage.rng
    path = rng.choice(list(JSON))
    kind = b"text/plain" if rng.random() < 0.05 else b"application/json"
    body = damage.json(JSON[path])
    given = (*headers(damage), (b"content-type", kind))
    return Asked("POST", path, query(damage), given, tuple(damage.pieces(body)))


def head(damage: Damage) -> Asked:
    rng = damage.rng
    path = rng.choice(PATHS)
    if rng.random() < 0.3:
        path = "/" + damage.text(path[1:])
    return Asked(rng.choice(METHODS), path, query(damage), headers(damage))


def fields(damage: Damage) -> list[tuple[str, str]]:
    rng = damage.rng
    found = []
    for _ in range(rng.randrange(6)):
        name = rng.choice(NAMES)
        value = rng.choice(VALUES) if rng.random() < 0.7 else damage.text(rng.choice(VALUES))
        if rng.random() < 0.2:
            name += rng.choice(("[]", "[0]", "[a]", "[", "]"))
        found.append((name, value))
    if rng.random() < 0.8:
        found.append(("model", "whisper-1"))
    return found


def query(damage: Damage) -> bytes:
    if damage.rng.random() < 0.6:
        return b""
    written = urlencode(fields(damage), errors="replace").encode()
    return damage.data(written, max_edits=2) if damage.rng.random() < 0.3 else written


def headers(damage: Damage) -> tuple[Header, ...]:
    rng = damage.rng
    found = rng.sample(HEADERS, rng.choice((0, 0, 0, 1, 2)))
    return tuple(
        (name, damage.data(value, [each.encode() for each in TEXTS], 2).replace(b"\n", b" "))
        if rng.random() < 0.3
        else (name, value)
        for name, value in found
    )

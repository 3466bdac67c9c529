"""A model hub on the loopback device that misbehaves on demand, and small models to fetch."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from auricle.models.fetch import FetchOptions
from auricle.models.hub import Limits
from auricle.models.registry import Model, ModelFile

COMMIT = "c" * 40
LIMITS = Limits(connect_s=2.0, stall_s=5.0, attempts=3, backoff_s=1.0, max_wait_s=60.0)

Answer = Callable[["Handler", bytes], None]


@dataclass
class Request:
    path: str
    range: str | None
    authorization: str | None


@dataclass
class FakeHub:
    """``files``: path -> content. ``script``: path -> answers to give before the normal one."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    script: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def add(self, model: Model, contents: dict[str, bytes]) -> None:
        for name, content in contents.items():
            self.files[f"/{model.repo}/resolve/{model.revision}/{name}"] = content

    def list(self, repo: str, revision: str, contents: dict[str, bytes]) -> None:
        """Serve an unregistered repository: its list of files at a revision, and the files."""
        siblings = [
            {"rfilename": name, "size": len(content)}
            | (
                {"lfs": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}}
                if name.endswith((".bin", ".safetensors"))
                else {}
            )
            for name, content in contents.items()
        ]
        listing = json.dumps({"id": repo, "sha": COMMIT, "siblings": siblings})
        self.files[f"/api/models/{repo}/revision/{revision}?blobs=true"] = listing.encode()
        for name, content in contents.items():
            self.files[f"/{repo}/resolve/{COMMIT}/{name}"] = content

    def fetching(self, cache: Path, **changes: object) -> FetchOptions:
        """Options that know this hub only, and note pauses in `waits` instead of making them."""
        values: dict[str, object] = {
            "cache": cache,
            "sources": ("hub",),
            "environ": {"HF_ENDPOINT": self.url, "HF_HOME": str(cache / "no-hf-cache")},
            "limits": self.limits(),
        }
        return FetchOptions(**{**values, **changes})  # type: ignore[arg-type]  # a test's own values

    def limits(self, **changes: float) -> Limits:
        values = {name: getattr(LIMITS, name) for name in LIMITS.__slots__}
        return Limits(**{**values, "sleep": self.waits.append, **changes})


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.hub``; ranges are honoured as a real hub does."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hub = self.server.hub  # type: ignore[attr-defined]  # set by `serving`
        hub.requests.append(
            Request(self.path, self.headers.get("range"), self.headers.get("authorization"))
        )
        answers = hub.script.get(self.path, [])
        content = hub.files.get(self.path)
        if answers:
            answers.pop(0)(self, content or b"")
        elif content is None:
            status(404)(self, b"")
        else:
            whole(self, content)

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


def whole(handler: Handler, content: bytes) -> None:
    start = int((handler.headers.get("range") or "bytes=0-")[len("bytes=") : -1])
    if start and start >= len(content):
        status(416)(handler, content)
        return
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("content-range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.send_header("content-length", str(len(content) - start))
    handler.end_headers()
    handler.wfile.write(content[start:])


def ignoring_range(handler: Handler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("content-length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def status(code: int, **headers: str) -> Answer:
    def answer(handler: Handler, _content: bytes) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return answer


def sending(content: bytes) -> Answer:
    return lambda handler, _content: ignoring_range(handler, content)


def cut_after(n: int) -> Answer:
    """Promise everything, send ``n`` bytes more than the client has, hang up."""

    def answer(handler: Handler, content: bytes) -> None:
        start = int((handler.headers.get("range") or "bytes=0-")[len("bytes=") : -1])
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("content-range", f"bytes {start}-/{len(content)}")
        handler.send_header("content-length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start : start + n])
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    return answer


def stalling_after(n: int) -> Answer:
    """Send ``n`` bytes and then nothing, on an open connection, until the test is over."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:n])
        handler.wfile.flush()
        handler.server.hub.released.wait(30)  # type: ignore[attr-defined]  # set by `serving`
        handler.close_connection = True

    return answer


@contextmanager
def serving() -> Iterator[FakeHub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients hang up here
    hub = FakeHub(f"http://127.0.0.1:{server.server_address[1]}")
    server.hub = hub  # type: ignore[attr-defined]  # for the handlers
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@dataclass
class Recorder:
    """A progress that remembers: per `start` its label, its total, and the bytes counted."""

    started: list[tuple[str, int | None]] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    closed: int = 0

    def start(self, label: str, total_bytes: int | None) -> None:
        self.started.append((label, total_bytes))
        self.counted.append(0)

    def advance(self, n: int) -> None:
        if n:  # else it was only asked whether to go on
            self.counted[-1] += n
            self.steps.append(n)

    def close(self) -> None:
        self.closed += 1


CONTENTS = {"model.bin": bytes(range(256)) * 2000, "config.json": b"{}", "vocabulary.txt": b"a\n"}


def small_model(contents: dict[str, bytes] | None = None, **changes: object) -> Model:
    contents = CONTENTS if contents is None else contents
    values: dict[str, object] = {
        "id": "small-fake",
        "repo": "owner/fake",
        "revision": "a" * 40,
        "languages": 1,
        "n_mels": 80,
        "parameters": "1",
        "english_only": True,
        "translates": False,
        "files": tuple(
            ModelFile(name, len(content), hashlib.sha256(content).hexdigest(), True)
            for name, content in contents.items()
        ),
    }
    return Model(**{**values, **changes})  # type: ignore[arg-type]  # a test's own values

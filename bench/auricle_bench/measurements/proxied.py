"""What a proxy adds to a request: nginx as in ``deploy/proxies``, and the server itself, by turns.

Knows nothing about recordings: what is asked for takes the server no time.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import httpx2

from auricle_bench.measurements import server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import ROOT, Setup

TURNS = 20
ASKED = 25
"""Requests in a turn; of the large ones two."""

UPLOAD_BYTES = 10_000_000
NAME = "speech.example.com"

_AROUND = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""


def run(setup: Setup) -> Figures:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise SystemExit("proxied needs nginx")
    found: dict[str, dict[str, list[float]]] = {
        what: {"direct": [], "proxied": []} for what in ("small", "large")
    }
    with (
        server.auricle(setup.model, ("--allowed-hosts", NAME)) as running,
        _nginx(program, setup.scratch, running.url) as proxy_url,
        httpx2.Client(headers={"host": NAME}, timeout=60) as http,
    ):
        places = {"direct": running.url, "proxied": proxy_url}
        for _ in range(TURNS):
            for place, url in places.items():
                found["small"][place] += [_small(http, url) for _ in range(ASKED)]
                found["large"][place] += [_large(http, url) for _ in range(2)]
    rows = [
        _row("`GET /livez`", found["small"]),
        _row("a form of 10 MB that is no audio", found["large"]),
    ]
    header = ("milliseconds for", "direct, p10", "median", "through nginx, p10", "median", "added")
    return Figures([Table("", header, rows)], {"seconds": found})


def _small(http: httpx2.Client, url: str) -> float:
    begun_s = time.perf_counter()
    http.get(f"{url}/livez").raise_for_status()
    return time.perf_counter() - begun_s


def _large(http: httpx2.Client, url: str) -> float:
    begun_s = time.perf_counter()
    files = {"file": bytes(UPLOAD_BYTES)}
    answer = http.post(f"{url}/v1/audio/transcriptions", data={"model": "whisper-1"}, files=files)
    took_s = time.perf_counter() - begun_s
    assert answer.status_code == 400, answer.text
    return took_s


def _row(what: str, seconds: dict[str, list[float]]) -> tuple[str, ...]:
    direct, through = seconds["direct"], seconds["proxied"]
    added_s = _p10_s(through) - _p10_s(direct)
    return (what, *_cells(direct), *_cells(through), f"**{1000 * added_s:.1f}**")


def _cells(seconds: list[float]) -> tuple[str, str]:
    return f"{1000 * _p10_s(seconds):.1f}", f"{1000 * median(seconds):.1f}"


def _p10_s(seconds: list[float]) -> float:
    """What it takes where other programs leave room: a tenth was quicker."""
    return quantiles(seconds, n=10)[0]


def configured(program: str, folder: Path, port: int, upstream: str) -> list[str]:
    """The command by which nginx serves the site of ``deploy/proxies`` on this machine alone, for
    a server at ``upstream`` (host and port); its configuration is written to ``folder``."""
    site = (ROOT / "deploy" / "proxies" / "nginx.conf").read_text("utf-8")
    for written, here in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:50060", upstream),
    ):
        assert written in site, written
        site = site.replace(written, here)
    config = folder / "nginx.conf"
    config.write_text(_AROUND.format(folder=folder, site=site), "utf-8")
    return [program, "-p", str(folder), "-c", str(config)]


@contextlib.contextmanager
def _nginx(program: str, scratch: Path, upstream: str) -> Iterator[str]:
    """nginx before a server, until the context is left; its URL."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    folder = scratch / "nginx"
    folder.mkdir()
    command = configured(program, folder, port, upstream.removeprefix("http://"))
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, "nginx ended"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()

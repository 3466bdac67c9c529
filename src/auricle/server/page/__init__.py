"""The page that browsers get at ``/``: files that `make page` built, and what they may do.

Knows nothing about what is on it, or about the API it uses.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auricle.server.transport.file_response import File

_BUILT = Path(__file__).with_name("built")
_INDEX = (_BUILT / "index.html").read_text(encoding="utf-8")
ASSETS: Final = {
    "app.js": "text/javascript",
    "app.css": "text/css",
    "microphone-worklet.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "sample.mp3": "audio/mpeg",
    "LICENSES.txt": "text/plain",
}
"""The other files, and their types."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, no script or style in the document. The waveform's library makes a style
element of its own; the nonce lets that one in, and is another one for every answer."""

Endpoint = Callable[[Request], Awaitable[Response]]


def is_wanted(headers: Headers) -> bool:
    """Whether who asks for ``/`` is a browser that wants to show it: clients of the API do not
    accept HTML by its name."""
    return "text/html" in headers.get("accept", "")


def or_else(index: Endpoint) -> Endpoint:
    """``GET /``: the page for browsers, and ``index`` for everybody else."""

    async def answer(request: Request) -> Response:
        response = _page() if is_wanted(request.headers) else await index(request)
        response.headers["vary"] = "Accept"
        return response

    return answer


async def asset(request: Request) -> Response:
    """``GET /page/{name}``"""
    name = request.path_params["name"]
    if name not in ASSETS:
        raise HTTPException(404)
    headers = {"cache-control": "no-cache"}  # asked for again, and not sent again while it is same
    return File(_BUILT / name, media_type=ASSETS[name], headers=headers)


def _page() -> Response:
    nonce = secrets.token_urlsafe(16)
    headers = {
        "cache-control": "no-store",  # the nonce
        "content-security-policy": _POLICY.format(nonce=nonce),
        "referrer-policy": "no-referrer",
        "permissions-policy": "microphone=(self)",
    }
    return HTMLResponse(_INDEX.replace("NONCE", nonce), headers=headers)

"""A recording from a URL to a file, within limits of size and time.

Knows nothing about jobs, nor which hosts may be asked.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urljoin

import httpx2

from auricle.errors import InvalidRequest, TooLarge, Unavailable
from auricle.jobs.outbound import OutboundClient

MAX_REDIRECTS: Final = 5
RETRY_S: Final = 30.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_WORTH_ASKING_AGAIN: Final = frozenset({408, 425, 429})


async def fetch(
    outbound: OutboundClient, url: str, target: Path, max_bytes: int, limit_s: float
) -> int:
    """Write what a URL has to ``target``; how many bytes. Every redirect is looked at as the first
    URL was.

    Raises:
        InvalidRequest: it must not be asked, or refuses.
        TooLarge: it has more than ``max_bytes``.
        Unavailable: it does not answer now, or not in ``limit_s``.
    """
    try:
        async with asyncio.timeout(limit_s):
            for _ in range(MAX_REDIRECTS + 1):
                async with outbound.request("GET", url) as response:
                    if response.status_code not in _REDIRECTS:
                        return await _written(response, target, max_bytes)
                    url = urljoin(url, response.headers.get("location", ""))
    except TimeoutError as exc:
        raise Unavailable(
            f"The recording was not there within {limit_s:g} s (job_url_s).", retry_after_s=RETRY_S
        ) from exc
    raise _refused(f"it redirects more than {MAX_REDIRECTS} times")


async def _written(response: httpx2.Response, target: Path, max_bytes: int) -> int:
    status = response.status_code
    if status >= 500 or status in _WORTH_ASKING_AGAIN:
        raise Unavailable(f"Its host answers with the status {status}.", retry_after_s=RETRY_S)
    if status != 200:
        raise _refused(f"its host answers with the status {status}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise _refused("its host sends it compressed although it was asked not to")
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    with await asyncio.to_thread(target.open, "wb") as file:
        n_bytes = await _copied(response, file, max_bytes)
    if not n_bytes:
        raise _refused("it is empty (0 bytes)")
    return n_bytes


async def _copied(response: httpx2.Response, file: BinaryIO, max_bytes: int) -> int:
    n_bytes = 0
    async for block in response.aiter_raw(1024 * 1024):
        n_bytes += len(block)
        if n_bytes > max_bytes:
            raise _too_large(max_bytes)
        await asyncio.to_thread(file.write, block)
    return n_bytes


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The recording at 'url' is larger than {max_bytes} bytes (max_upload_mb).")


def _refused(reason: str) -> InvalidRequest:
    message = f"The recording at 'url' cannot be fetched: {reason}."
    return InvalidRequest(message, param="url", code="recording_not_fetched")

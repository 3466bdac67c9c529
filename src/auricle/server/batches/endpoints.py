"""``/v1/batches``: made of a file of lines, listed, looked at, cancelled.

Knows nothing about what is done for one.
"""

from __future__ import annotations

import re
import time
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.errors import UNDECODABLE, InvalidRequest
from auricle.jobs.batch import StoredBatch
from auricle.jobs.job import new_id
from auricle.jobs.rows import Page
from auricle.jobs.service import JobService, OpenJobs
from auricle.server import errors
from auricle.server.access.owners import owner_of
from auricle.server.audio_upload import UploadReader
from auricle.server.batches import bodies
from auricle.server.batches.files import expiry_s
from auricle.server.batches.lines import ENDPOINTS
from auricle.server.fields.form import Form, refuse, shown
from auricle.server.transport import body

PATH: Final = "/v1/batches"
MAX_PAGE: Final = 100
MAX_BODY_BYTES: Final = 64 * 1024
MAX_WINDOW_S: Final = 365 * 86400

MAX_METADATA: Final = 16
MAX_KEY_CHARS: Final = 64
MAX_VALUE_CHARS: Final = 512

_WINDOW: Final = re.compile(r"([1-9][0-9]{0,5})([hd])", re.ASCII)
_UNIT_S: Final = {"h": 3600, "d": 86400}


class _Asked(msgspec.Struct):
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None = None
    output_expires_after: dict[str, str | int] | None = None


class BatchEndpoints:
    """The endpoints, over the batches of one server."""

    def __init__(self, reader: UploadReader, service: JobService) -> None:
        self._settings = reader.runtime.settings
        self._service = service

    def routes(self) -> list[Route]:
        one = f"{PATH}/{{id}}"
        return [
            Route(PATH, self.create, methods=["POST"]),
            Route(PATH, self.listed, methods=["GET"]),
            Route(f"{one}/cancel", self.cancel, methods=["POST"]),
            Route(one, self.one, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """``POST /v1/batches``"""
        jobs = await self._service.opened()
        await jobs.owners.check_room(owner_of(request))
        rate = self._settings.min_upload_bytes_per_s
        text = b"".join([piece async for piece in body.pieces(request, MAX_BODY_BYTES, rate)])
        try:
            asked = msgspec.json.decode(text, type=_Asked)
        except UNDECODABLE as exc:
            raise InvalidRequest(f"The body is not what a batch is made of: {exc}.") from exc
        batch = _batch(asked, owner_of(request), time.time())
        file = await jobs.stores.files.get(asked.input_file_id, batch.owner, "input_file_id")
        if file.purpose != "batch":
            message = f"its purpose must be 'batch', but is '{file.purpose}'."
            refuse("input_file_id", message)
        await jobs.stores.batches.add(batch)
        jobs.runner.wakeup.notify()
        return errors.json_response(bodies.batch_body(batch))

    async def listed(self, request: Request) -> Response:
        """``GET /v1/batches``"""
        jobs = await self._service.opened()
        form = Form(request.query_params.multi_items())
        page = Page(form.integer("limit", 1, MAX_PAGE) or 20, form.text("after"))
        found, has_more = await jobs.stores.batches.page(owner_of(request), page)
        return errors.json_response(bodies.batch_list(found, has_more=has_more))

    async def one(self, request: Request) -> Response:
        """``GET /v1/batches/{id}``"""
        jobs = await self._service.opened()
        return errors.json_response(bodies.batch_body(await _found(jobs, request)))

    async def cancel(self, request: Request) -> Response:
        """``POST /v1/batches/{id}/cancel``"""
        jobs = await self._service.opened()
        await jobs.batches.cancel(request.path_params["id"], owner_of(request))
        return errors.json_response(bodies.batch_body(await _found(jobs, request)))


def _batch(asked: _Asked, owner: str, now_s: float) -> StoredBatch:
    """
    Raises:
        InvalidRequest: a value is not allowed.
    """
    if asked.endpoint not in ENDPOINTS:
        wanted = " and ".join(ENDPOINTS)
        refuse("endpoint", f"got {shown(asked.endpoint)!r}. Supported values are: {wanted}.")
    window = _WINDOW.fullmatch(asked.completion_window)
    window_s = int(window[1]) * _UNIT_S[window[2]] if window else 0
    if not 0 < window_s <= MAX_WINDOW_S:
        value = shown(asked.completion_window)
        refuse(
            "completion_window", f"expected hours or days, such as 24h or 7d, but got {value!r}."
        )
    _check_metadata(asked.metadata or {})
    expiry = asked.output_expires_after or {}
    written = [(f"output_expires_after[{key}]", str(value)) for key, value in expiry.items()]
    return StoredBatch(
        id=new_id("batch_"),
        owner=owner,
        state="validating",
        endpoint=asked.endpoint,
        input_file_id=asked.input_file_id,
        window=asked.completion_window,
        created_s=now_s,
        expires_s=now_s + window_s,
        times={"validating": now_s},
        keep_s=expiry_s(Form(written), "output_expires_after"),
        metadata=asked.metadata,
    )


def _check_metadata(metadata: dict[str, str]) -> None:
    if len(metadata) > MAX_METADATA:
        refuse("metadata", f"expected at most {MAX_METADATA} pairs, but got {len(metadata)}.")
    for key, value in metadata.items():
        if len(key) > MAX_KEY_CHARS or len(value) > MAX_VALUE_CHARS:
            refuse(
                "metadata",
                f"expected keys of at most {MAX_KEY_CHARS} and values of at most "
                f"{MAX_VALUE_CHARS} characters.",
            )


async def _found(jobs: OpenJobs, request: Request) -> StoredBatch:
    return await jobs.stores.batches.get(request.path_params["id"], owner_of(request))

"""``/v1/files``: put here, listed, fetched, deleted.

Knows nothing about what files are for.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.errors import NotFound
from auricle.jobs.files import KEEP_S, StoredFile
from auricle.jobs.service import JobService, OpenJobs
from auricle.server import errors
from auricle.server.access.owners import owner_of
from auricle.server.audio_upload import AudioUpload, UploadReader
from auricle.server.batches import bodies
from auricle.server.fields.form import Form, integer, refuse
from auricle.server.jobs.endpoints import page_of
from auricle.server.transport.file_response import File

PATH: Final = "/v1/files"
PURPOSES: Final = ("batch", "user_data")
"""Lines of a batch; a recording that such a line names."""

MIN_EXPIRY_S: Final = 3600
MAX_PAGE: Final = 10_000
MAX_NAME_CHARS: Final = 255


class Files:
    """The endpoints, over the files of one server."""

    def __init__(self, reader: UploadReader, service: JobService) -> None:
        self._reader = reader
        self._service = service

    def routes(self) -> list[Route]:
        one = f"{PATH}/{{id}}"
        return [
            Route(PATH, self.create, methods=["POST"]),
            Route(PATH, self.listed, methods=["GET"]),
            Route(f"{one}/content", self.content, methods=["GET"]),
            Route(one, self.one, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """``POST /v1/files``"""
        jobs = await self._service.opened()
        async with self._reader.received(request, checks_room=False) as upload:
            file = await self._created(jobs, upload)
        return errors.json_response(bodies.file_body(file))

    async def listed(self, request: Request) -> Response:
        """``GET /v1/files``"""
        jobs = await self._service.opened()
        form = Form(request.query_params.multi_items())
        page = page_of(form, MAX_PAGE, usual=MAX_PAGE)
        purpose = form.text("purpose")
        found, has_more = await jobs.stores.files.page(owner_of(request), page, purpose)
        return errors.json_response(bodies.file_list(found, has_more=has_more))

    async def one(self, request: Request) -> Response:
        """``GET /v1/files/{id}``"""
        jobs = await self._service.opened()
        return errors.json_response(bodies.file_body(await _found(jobs, request)))

    async def content(self, request: Request) -> Response:
        """``GET /v1/files/{id}/content``"""
        jobs = await self._service.opened()
        file = await _found(jobs, request)
        path = jobs.stores.folder.file(file.id)
        if not path.is_file():
            raise NotFound(f"There is no file {file.id!r}.", param="file_id", code="file_not_found")
        return File(path, media_type="application/octet-stream")

    async def delete(self, request: Request) -> Response:
        """``DELETE /v1/files/{id}``"""
        jobs = await self._service.opened()
        file = await _found(jobs, request)
        await jobs.stores.files.delete(file.id, file.owner)
        await jobs.stores.recordings.remove([file.id])
        return errors.json_response(bodies.FileDeleted(id=file.id))

    async def _created(self, jobs: OpenJobs, upload: AudioUpload) -> StoredFile:
        form = Form(upload.sent.fields)
        purpose = form.choice("purpose", PURPOSES)
        if purpose is None:
            refuse("purpose", f"it is required; supported are {' and '.join(PURPOSES)}.")
        keep_s = expiry_s(form, "expires_after")
        recording, n_bytes = upload.recording, upload.sent.file_bytes
        folder = jobs.stores.folder
        file_id = await asyncio.to_thread(partial(folder.take, recording, "file-"))
        name = upload.sent.file_name[:MAX_NAME_CHARS] or "upload"
        new = jobs.stores.files.new(file_id, owner_of(upload.request), name, purpose, n_bytes)
        try:
            file = msgspec.structs.replace(new, expires_s=new.created_s + keep_s)
            await jobs.stores.files.add(file)
        except BaseException:
            folder.remove(file_id)
            raise
        return file


def expiry_s(form: Form, name: str) -> float:
    """After how many seconds something is forgotten, from ``{"anchor": "created_at", "seconds":
    …}`` in any way that forms write it.

    Raises:
        InvalidRequest: it is written otherwise, or out of range.
    """
    found = form.structure(name)
    if found is None:
        return KEEP_S
    if isinstance(found, str) or found.get("anchor") != "created_at" or "seconds" not in found:
        refuse(name, "expected an object with anchor 'created_at' and seconds.")
    return integer(name, found["seconds"], MIN_EXPIRY_S, int(KEEP_S))


async def _found(jobs: OpenJobs, request: Request) -> StoredFile:
    return await jobs.stores.files.get(request.path_params["id"], owner_of(request))

"""``/v1/jobs``: made, listed, looked at, cancelled, deleted; and what came of them.

Knows nothing about how a job is done.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final, get_args
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.errors import Conflict
from auricle.jobs.job import State, StoredJob, Uploaded
from auricle.jobs.rows import Page
from auricle.jobs.service import JobService, OpenJobs
from auricle.jobs.store import NewJob
from auricle.output import formats
from auricle.server import errors
from auricle.server.access.owners import owner_of
from auricle.server.audio_upload import AudioUpload, UploadReader, recording_headers
from auricle.server.fields.audio_request import IgnoredFields
from auricle.server.fields.form import Form, refuse
from auricle.server.jobs import bodies, job_form

PATH: Final = "/v1/jobs"
STATES: Final[tuple[State, ...]] = get_args(State)
MAX_PAGE: Final = 100


class Jobs:
    """The endpoints, over the jobs of one server."""

    def __init__(self, reader: UploadReader, service: JobService) -> None:
        self._reader = reader
        self._service = service
        self._settings = reader.runtime.settings
        self._ignored = IgnoredFields()

    def routes(self) -> list[Route]:
        one = f"{PATH}/{{id}}"
        return [
            Route(PATH, self.create, methods=["POST"]),
            Route(PATH, self.listed, methods=["GET"]),
            Route(f"{one}/result", self.result, methods=["GET"]),
            Route(f"{one}/cancel", self.cancel, methods=["POST"]),
            Route(one, self.one, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """``POST /v1/jobs``: what a transcription is asked with, and answered before it is done."""
        jobs = await self._service.opened()
        await jobs.owners.check_room(owner_of(request))
        async with self._reader.received(request, checks_room=False) as upload:
            job = await self._created(jobs, upload)
        jobs.runner.wakeup.notify()
        headers = {"location": f"{quote(request.scope['path'])}/{job.id}"}
        return errors.json_response(bodies.job_body(job), status=201, headers=headers)

    async def listed(self, request: Request) -> Response:
        """``GET /v1/jobs``"""
        jobs = await self._service.opened()
        form = Form(request.query_params.multi_items())
        status = form.choice("status", STATES)
        state = next((each for each in STATES if each == status), None)
        page = page_of(form, MAX_PAGE, usual=20)
        found, has_more = await jobs.stores.jobs.page(owner_of(request), page, state)
        deliveries = await jobs.stores.hooks.of([job.id for job in found])
        return errors.json_response(bodies.job_list(found, deliveries, has_more=has_more))

    async def one(self, request: Request) -> Response:
        """``GET /v1/jobs/{id}``"""
        jobs = await self._service.opened()
        return await self._shown(jobs, await self._found(jobs, request))

    async def cancel(self, request: Request) -> Response:
        """``POST /v1/jobs/{id}/cancel``; one that has ended stays as it is."""
        jobs = await self._service.opened()
        job = await self._found(jobs, request)
        return await self._shown(jobs, await jobs.runner.end(job.id, "cancelled"))

    async def delete(self, request: Request) -> Response:
        """``DELETE /v1/jobs/{id}``; one that is in work is cancelled first."""
        jobs = await self._service.opened()
        job = await self._found(jobs, request)
        if job.batch is not None:
            raise Conflict(
                f"The job {job.id!r} is a line of {job.batch!r}: cancel that as a whole.",
                param="id",
                code="job_of_batch",
            )
        await jobs.runner.end(job.id, "cancelled")
        name = await jobs.stores.jobs.delete(job.id, job.owner)
        await jobs.stores.recordings.remove([name] if name else [])
        return errors.json_response(bodies.JobDeleted(id=job.id))

    async def result(self, request: Request) -> Response:
        """``GET /v1/jobs/{id}/result``: as the job was asked for, or as the query says."""
        jobs = await self._service.opened()
        job = await self._found(jobs, request)
        style = job_form.style(job.request, request.query_params.multi_items(), self._settings)
        transcript = await jobs.stores.readings.transcript(job.id)
        body = await asyncio.to_thread(partial(formats.render, transcript, style))
        headers = {"content-type": formats.CONTENT_TYPES[style.format]}
        response = Response(body, headers=headers)
        response.raw_headers += recording_headers(transcript.track, transcript.warnings)
        return response

    async def _created(self, jobs: OpenJobs, upload: AudioUpload) -> StoredJob:
        pairs, settings = upload.sent.fields, self._settings
        request = job_form.parse(pairs, settings)
        self._ignored.note(request.ignored)
        webhook = job_form.hook(pairs, settings, self._service.hook_hosts)
        source = await job_form.named_source(pairs, settings, self._service.url_hosts)
        await upload.runtime.find(request.model, upload.client)
        owner = owner_of(upload.request)
        if source is not None:
            if upload.sent.file is not None:
                refuse("file", "a job has one recording, and another is named by path or url.")
            job = NewJob(owner, job_form.job_request(pairs, request, source, webhook))
            return (await jobs.stores.jobs.add([job]))[0]
        recording, n_bytes = upload.recording, upload.sent.file_bytes
        name = await asyncio.to_thread(partial(jobs.stores.folder.take, recording))
        try:
            kept = job_form.job_request(pairs, request, Uploaded(name), webhook)
            return (await jobs.stores.jobs.add([NewJob(owner, kept, name, n_bytes)]))[0]
        except BaseException:
            jobs.stores.folder.remove(name)
            raise

    async def _found(self, jobs: OpenJobs, request: Request) -> StoredJob:
        return await jobs.stores.jobs.get(request.path_params["id"], owner_of(request))

    async def _shown(self, jobs: OpenJobs, job: StoredJob) -> Response:
        deliveries = await jobs.stores.hooks.of([job.id])
        return errors.json_response(bodies.job_body(job, deliveries.get(job.id)))


def page_of(form: Form, most: int, usual: int) -> Page:
    """Which part of a list a query asks for. Raises `InvalidRequest`."""
    return Page(
        limit=form.integer("limit", 1, most) or usual,
        after=form.text("after"),
        newest_first=form.choice("order", ("asc", "desc")) != "asc",
    )

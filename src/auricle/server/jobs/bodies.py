"""Jobs as clients see them.

Knows nothing about how they are asked for or kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from auricle.jobs.hooks import Delivery, event_id_of
from auricle.jobs.job import InFile, Remote, ServerFile, State, StoredJob, Uploaded
from auricle.output.speaker_bodies import TIME_DECIMALS
from auricle.server.errors import ErrorDetail
from auricle.types import Task


class JobSource(msgspec.Struct, frozen=True):
    """Where the recording is from; ``name`` is its path or its URL, as the job was made with."""

    type: Literal["upload", "path", "url", "file"]
    name: str | None


class JobProgress(msgspec.Struct, frozen=True):
    """How far a job has come: up to ``processed_s`` of about ``duration_s``, in ``windows`` that
    are kept. ``duration_s`` is null until the recording was opened."""

    processed_s: float
    duration_s: float | None
    windows: int


class JobWebhook(msgspec.Struct, frozen=True):
    """Who is told of the end. ``waiting`` until then; ``error`` is what went wrong last."""

    url: str
    status: Literal["waiting", "pending", "delivered", "failed"]
    attempts: int
    error: str | None


class JobBody(msgspec.Struct, frozen=True, kw_only=True):
    """A job. Times in ``…_at`` are seconds since 1970; with ``expires_at`` the job and its result
    are deleted. ``request`` has the fields that were sent."""

    id: str
    object: Literal["job"] = "job"
    status: State
    name: str | None
    task: Task
    model: str
    source: JobSource
    created_at: int
    started_at: int | None
    ended_at: int | None
    expires_at: int | None
    progress: JobProgress
    error: ErrorDetail | None
    webhook: JobWebhook | None
    request: dict[str, str | tuple[str, ...]]


class JobList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of jobs; what is behind ``last_id`` comes with ``after``."""

    object: Literal["list"] = "list"
    data: tuple[JobBody, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool


class JobDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """The job and its result are gone."""

    id: str
    object: Literal["job.deleted"] = "job.deleted"
    deleted: bool = True


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook is told. The ``id`` is that of the header ``webhook-id``."""

    id: str
    object: Literal["event"] = "event"
    type: Literal["job.completed", "job.failed", "job.cancelled"]
    created_at: int
    data: JobBody


def job_body(job: StoredJob, delivery: Delivery | None = None) -> JobBody:
    asked = job.request
    return JobBody(
        id=job.id,
        status=job.state,
        name=asked.name or None,
        task=asked.options.task,
        model=asked.model,
        source=_source(job),
        created_at=int(job.created_s),
        started_at=_second(job.started_s),
        ended_at=_second(job.ended_s),
        expires_at=_second(job.expires_s),
        progress=JobProgress(
            round(job.read_s, TIME_DECIMALS),
            None if job.duration_s is None else round(job.duration_s, TIME_DECIMALS),
            job.n_windows,
        ),
        error=_error(job),
        webhook=_webhook(job, delivery),
        request=_request(asked.fields),
    )


def job_list(
    jobs: Sequence[StoredJob], deliveries: dict[str, Delivery], *, has_more: bool
) -> JobList:
    return JobList(
        data=tuple(job_body(job, deliveries.get(job.id)) for job in jobs),
        first_id=jobs[0].id if jobs else None,
        last_id=jobs[-1].id if jobs else None,
        has_more=has_more,
    )


def event(job: StoredJob) -> bytes:
    """What a webhook is told of a job that has ended."""
    kind = {"completed": "job.completed", "failed": "job.failed"}.get(job.state, "job.cancelled")
    assert job.ended_s is not None
    body = JobEvent(
        id=event_id_of(job),
        type=kind,  # type: ignore[arg-type]  # one of the three
        created_at=int(job.ended_s),
        data=job_body(job),
    )
    return msgspec.json.encode(body)


def _source(job: StoredJob) -> JobSource:
    match job.request.source:
        case Uploaded():
            return JobSource("upload", None)
        case ServerFile(path, name=name):
            return JobSource("path", name or Path(path).name)
        case Remote(url):
            return JobSource("url", url)
        case InFile(file_id):
            return JobSource("file", file_id)


def _error(job: StoredJob) -> ErrorDetail | None:
    failure = job.failure
    if failure is None:
        return None
    return ErrorDetail(failure.message, failure.type, failure.param, failure.code)


def _webhook(job: StoredJob, delivery: Delivery | None) -> JobWebhook | None:
    hook = job.request.hook
    if hook is None:
        return None
    if delivery is None:
        return JobWebhook(hook.url, "waiting", 0, None)
    return JobWebhook(hook.url, delivery.state, delivery.n_tries, delivery.problem)


def _request(fields: Sequence[tuple[str, str]]) -> dict[str, str | tuple[str, ...]]:
    """The fields by their names; those that came several times with all their values."""
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return {
        name: values[0] if len(values) == 1 else tuple(values) for name, values in found.items()
    }


def _second(time_s: float | None) -> int | None:
    return None if time_s is None else int(time_s)

"""Files and batches as OpenAI's clients see them.

Knows nothing about how they are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from auricle.jobs.batch import BatchState, StoredBatch
from auricle.jobs.files import StoredFile


class FileBody(msgspec.Struct, frozen=True, kw_only=True):
    """A file; times are seconds since 1970."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"


class FileList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of files."""

    object: Literal["list"] = "list"
    data: tuple[FileBody, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """The file is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: bool = True


class BatchError(msgspec.Struct, frozen=True):
    """Why no line is done; ``line`` counts from 1."""

    code: str
    message: str
    param: str | None
    line: int | None


class BatchErrors(msgspec.Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: tuple[BatchError, ...]


class RequestCounts(msgspec.Struct, frozen=True):
    """Lines: all of them, those that are done, and those that cannot be."""

    total: int
    completed: int
    failed: int


class BatchBody(msgspec.Struct, frozen=True, kw_only=True):
    """A batch; times are seconds since 1970."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    errors: BatchErrors | None
    input_file_id: str
    completion_window: str
    status: BatchState
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: RequestCounts
    metadata: Mapping[str, str] | None


class BatchList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of batches."""

    object: Literal["list"] = "list"
    data: tuple[BatchBody, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool


def file_body(file: StoredFile) -> FileBody:
    return FileBody(
        id=file.id,
        bytes=file.n_bytes,
        created_at=int(file.created_s),
        expires_at=int(file.expires_s),
        filename=file.name,
        purpose=file.purpose,
    )


def file_list(files: Sequence[StoredFile], *, has_more: bool) -> FileList:
    return FileList(
        data=tuple(file_body(file) for file in files),
        first_id=files[0].id if files else None,
        last_id=files[-1].id if files else None,
        has_more=has_more,
    )


def batch_body(batch: StoredBatch) -> BatchBody:
    errors = tuple(BatchError(e.code, e.message, e.param, e.line) for e in batch.errors)

    def at(state: BatchState) -> int | None:
        return int(batch.times[state]) if state in batch.times else None

    return BatchBody(
        id=batch.id,
        endpoint=batch.endpoint,
        errors=BatchErrors(data=errors) if errors else None,
        input_file_id=batch.input_file_id,
        completion_window=batch.window,
        status=batch.state,
        output_file_id=batch.output_file_id,
        error_file_id=batch.error_file_id,
        created_at=int(batch.created_s),
        in_progress_at=at("in_progress"),
        expires_at=int(batch.expires_s),
        finalizing_at=at("finalizing"),
        completed_at=at("completed"),
        failed_at=at("failed"),
        expired_at=at("expired"),
        cancelling_at=at("cancelling"),
        cancelled_at=at("cancelled"),
        request_counts=RequestCounts(batch.n_lines, batch.n_completed, batch.n_failed),
        metadata=batch.metadata,
    )


def batch_list(batches: Sequence[StoredBatch], *, has_more: bool) -> BatchList:
    return BatchList(
        data=tuple(batch_body(batch) for batch in batches),
        first_id=batches[0].id if batches else None,
        last_id=batches[-1].id if batches else None,
        has_more=has_more,
    )

"""Batches from their lines to their files: looked through, done as jobs, written down.

Knows nothing about what a line looks like; whoever starts it does. Every step is one transaction,
so a server that is killed in between begins that step anew.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from auricle.errors import AuricleError, InvalidRequest, NotFound, as_auricle_error
from auricle.jobs.batch import BatchState, LineError, StoredBatch
from auricle.jobs.files import StoredFile
from auricle.jobs.job import Failure, InFile, JobRequest, StoredJob, new_id
from auricle.jobs.readings import DAMAGED_CODE
from auricle.jobs.runner import Runner
from auricle.jobs.store import NewJob
from auricle.jobs.stores import Stores
from auricle.speech_runtime import SpeechRuntime
from auricle.types import DecodeOptions, Transcript

MAX_LINES = 50_000
MAX_LINE_BYTES = 36 * 1024 * 1024
"""As large as a request in JSON may be."""

MAX_ERRORS = 100
"""So many wrong lines are told."""

AT_ONCE = 100
"""Jobs that are written down at a time."""

logger = logging.getLogger(__name__)


class Lines(Protocol):
    """What lines of a batch say, and how those of its output are written."""

    def read(self, line: bytes, at: InFile, endpoint: str) -> tuple[str, JobRequest | Failure]:
        """The client's id of a line, and what it asks for, or why that cannot be done.

        Raises:
            InvalidRequest: it is no line of this batch; none of it is done then.
        """
        ...

    def write(self, job: StoredJob, transcript: Transcript | None, reason: str) -> bytes:
        """What became of a job; ``reason`` says why one was cancelled."""
        ...


@dataclass(slots=True)
class _CheckedLines:
    """What the lines of a file ask for, and what is wrong with them."""

    jobs: list[NewJob] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)


class Batches:
    """Does what is to be done for batches. For the event loop."""

    def __init__(
        self,
        runtime: SpeechRuntime,
        stores: Stores,
        runner: Runner,
        lines: Lines,
        clock: Callable[[], float],
    ) -> None:
        self._runtime = runtime
        self._stores = stores
        self._runner = runner
        self._lines = lines
        self._clock = clock

    async def advance(self) -> None:
        """Do all that can be done now."""
        for batch in await self._stores.batches.open():
            try:
                await self._advance(batch)
            except Exception as exc:  # noqa: BLE001  # the border: others need not wait with it
                logger.error("the batch %s waits: %s", batch.id, as_auricle_error(exc))
        await self._stores.batches.expire()

    async def cancel(self, batch_id: str, owner: str) -> None:
        """Do no more of its lines; what is done stays. Raises what `BatchStore.cancel` raises."""
        await self._stop(await self._stores.batches.cancel(batch_id, owner))
        self._runner.wakeup.notify()

    async def _advance(self, batch: StoredBatch) -> None:
        if batch.state == "validating":
            await self._begin(batch)
            return
        is_late = self._clock() >= batch.expires_s
        n_ended = batch.n_completed + batch.n_failed
        if n_ended < batch.n_lines and (is_late or batch.state == "cancelling"):
            await self._stop(batch)
        elif n_ended < batch.n_lines:
            return
        await self._finish(batch.id, batch.owner)

    async def _stop(self, batch: StoredBatch) -> None:
        keep_s = self._runner.keep_s
        for job_id in await self._stores.batches.cancel_waiting(batch.id, keep_s):
            await self._runner.end(job_id, "cancelled")

    async def _begin(self, batch: StoredBatch) -> None:
        """Look through the lines, and make jobs of them."""
        path = self._stores.folder.file(batch.input_file_id)
        known = await self._stores.files.ids(batch.owner)
        try:
            checked = await asyncio.to_thread(partial(self._checked_lines, batch, path, known))
            await self._check_models(batch.owner, checked)
            if not checked.errors:
                begun = batch.become("in_progress", self._clock(), n_lines=len(checked.jobs))
                await self._stores.batches.begin(begun, checked.jobs, self._runner.keep_s)
                self._runner.wakeup.notify()
                return
        except AuricleError as exc:
            checked = _CheckedLines(errors=[LineError(exc.code or exc.type, exc.message)])
        except OSError:
            gone = LineError("file_not_found", "The file has been deleted.")
            checked = _CheckedLines(errors=[gone])
        errors = tuple(checked.errors[:MAX_ERRORS])
        await self._stores.batches.write(batch.become("failed", self._clock(), errors=errors))

    def _checked_lines(self, batch: StoredBatch, path: Path, known: set[str]) -> _CheckedLines:
        """Blocks."""
        checked = _CheckedLines()
        names: set[str] = set()
        for number, at, line in _lines(path, batch.input_file_id):
            try:
                if number > MAX_LINES:
                    raise InvalidRequest(f"A batch has at most {MAX_LINES} lines.")
                name, asked = self._lines.read(line, at, batch.endpoint)
                if name in names:
                    raise InvalidRequest(f"The custom_id {name!r} is there twice.")
                names.add(name)
            except InvalidRequest as exc:
                code = exc.code or "invalid_json_line"
                checked.errors.append(LineError(code, exc.message, number, exc.param))
                if number > MAX_LINES or len(checked.errors) >= MAX_ERRORS:
                    break
                continue
            checked.jobs.append(_job(batch, number, name, asked, at, known))
        if not checked.jobs and not checked.errors:
            checked.errors.append(LineError("empty_file", "The file has no lines."))
        return checked

    async def _check_models(self, owner: str, checked: _CheckedLines) -> None:
        """Lines whose model cannot be had have failed."""
        refused: dict[str, Failure | None] = {}
        for number, job in enumerate(checked.jobs):
            if job.failure is not None:
                continue
            model = job.request.model
            if model not in refused:
                try:
                    await self._runtime.find(model, owner)
                    refused[model] = None
                except InvalidRequest as exc:
                    refused[model] = Failure.of(exc)
            if refused[model] is not None:
                checked.jobs[number] = job.failed(refused[model])

    async def _finish(self, batch_id: str, owner: str) -> None:
        """Write down what came of the lines."""
        batch = await self._stores.batches.get(batch_id, owner)
        if batch.n_completed + batch.n_failed < batch.n_lines:
            return
        is_late = self._clock() >= batch.expires_s
        names = [new_id("file-"), new_id("file-")]
        try:
            has_cancelled = await self._written(batch, names)
            outputs = [self._output(batch, name) for name in names]
            kept = [each if each.n_bytes else None for each in outputs]
            state: BatchState = "expired" if is_late and has_cancelled else "completed"
            if batch.state == "cancelling":
                state = "cancelled"
            now_s = self._clock()
            done = batch.become("finalizing", now_s).become(
                state,
                now_s,
                output_file_id=kept[0] and kept[0].id,
                error_file_id=kept[1] and kept[1].id,
            )
            await self._stores.batches.finish(done, [each for each in kept if each])
        except BaseException:
            await self._stores.recordings.remove(names)
            raise
        await self._stores.recordings.remove([each.id for each in outputs if not each.n_bytes])

    def _output(self, batch: StoredBatch, name: str) -> StoredFile:
        n_bytes = self._stores.folder.file(name).stat().st_size
        file = self._stores.files.new(name, batch.owner, f"{name}.jsonl", "batch_output", n_bytes)
        return msgspec.structs.replace(file, expires_s=file.created_s + batch.keep_s)

    async def _written(self, batch: StoredBatch, names: Sequence[str]) -> bool:
        """Write what came of all lines to one file, and what did not to the other; whether some
        were cancelled."""
        reason = "batch_cancelled" if batch.state == "cancelling" else "batch_expired"
        paths = [self._stores.folder.file(name) for name in names]
        with paths[0].open("xb") as output, paths[1].open("xb") as errors:
            has_cancelled, line = False, 0
            while jobs := await self._stores.batches.jobs(batch.id, line, AT_ONCE):
                for each in jobs:
                    job, transcript = await self._outcome(each)
                    has_cancelled |= job.state == "cancelled"
                    written = partial(self._lines.write, job, transcript, reason)
                    target = errors if transcript is None else output
                    target.write(await asyncio.to_thread(written))
                line = jobs[-1].line
            for file in (output, errors):
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
        return has_cancelled

    async def _outcome(self, job: StoredJob) -> tuple[StoredJob, Transcript | None]:
        """What came of a line. One of which anything is damaged has failed: the others need not
        wait with it."""
        if job.state != "completed" or job.failure is not None:
            return job, None
        try:
            return job, await self._stores.readings.transcript(job.id)
        except AuricleError as exc:
            if exc.code != DAMAGED_CODE:
                raise
            return msgspec.structs.replace(job, failure=Failure.of(exc)), None


def _lines(path: Path, file_id: str) -> Iterator[tuple[int, InFile, bytes]]:
    """The lines of a file that are not empty, with their number and where each is. Blocks."""
    with path.open("rb") as file:
        number = offset = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise InvalidRequest(
                    f"Line {number} is longer than {MAX_LINE_BYTES} bytes.", code="line_too_long"
                )
            if line.strip():
                yield number, InFile(file_id, offset, len(line)), line
            offset += len(line)


def _job(
    batch: StoredBatch,
    number: int,
    name: str,
    asked: JobRequest | Failure,
    at: InFile,
    known: set[str],
) -> NewJob:
    failure = asked if isinstance(asked, Failure) else None
    if not isinstance(asked, Failure):
        source = asked.source
        if isinstance(source, InFile) and source.file_id not in known:
            gone = NotFound(
                f"There is no file {source.file_id!r}.", param="file_id", code="file_not_found"
            )
            failure = Failure.of(gone)
    else:
        asked = JobRequest(at, DecodeOptions(), "")
    return NewJob(batch.owner, asked, batch=batch.id, custom_id=name, line=number, failure=failure)

"""A line of a batch, and one of its output, as OpenAI's Batch API has them.

Knows nothing about batches: a line comes in, a job comes out, and the other way round.

A line names its recording as a request in JSON does, ``{"input_audio": {"data": "…"}}``, or by
``{"file_id": "file-…"}``, that of a file which was uploaded before.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auricle.errors import UNDECODABLE, InvalidRequest
from auricle.jobs.job import Failure, InFile, JobRequest, StoredJob
from auricle.output import formats
from auricle.server.errors import ErrorBody, ErrorDetail
from auricle.server.jobs import job_form
from auricle.server.transport.json_upload import INPUT_AUDIO, field_text
from auricle.server.transport.upload import MAX_FIELDS, FieldRoom
from auricle.settings.config import Settings
from auricle.types import Transcript

TRANSCRIPTIONS: Final = "/v1/audio/transcriptions"
TRANSLATIONS: Final = "/v1/audio/translations"
ENDPOINTS: Final = (TRANSCRIPTIONS, TRANSLATIONS)

FILE_ID: Final = "file_id"
MAX_ID_CHARS: Final = 512

_REASONS: Final = {
    "batch_expired": "This request was not done within the batch's completion_window.",
    "batch_cancelled": "This request was not done because the batch was cancelled.",
}


class _Line(msgspec.Struct):
    custom_id: str
    method: str
    url: str
    body: dict[str, msgspec.Raw]


class LineResponse(msgspec.Struct, frozen=True):
    """What a request would have been answered; ``body`` is text for ``text``, ``srt`` and
    ``vtt``."""

    status_code: int
    request_id: str
    body: msgspec.Raw


class LineFailure(msgspec.Struct, frozen=True):
    """Why a request was not done at all."""

    code: str
    message: str


class OutputLine(msgspec.Struct, frozen=True):
    """A line of the output, or of the errors."""

    id: str
    custom_id: str
    response: LineResponse | None
    error: LineFailure | None


class BatchLines:
    """`auricle.jobs.batches.Lines` in OpenAI's shape."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def read(self, line: bytes, at: InFile, endpoint: str) -> tuple[str, JobRequest | Failure]:
        """See `Lines.read`."""
        try:
            found = msgspec.json.decode(line, type=_Line)
        except UNDECODABLE as exc:
            raise InvalidRequest(
                f"It is no JSON object with custom_id, method, url and body: {exc}.",
                code="invalid_json_line",
            ) from exc
        if not 1 <= len(found.custom_id) <= MAX_ID_CHARS:
            message = f"custom_id must have 1 to {MAX_ID_CHARS} characters."
            raise InvalidRequest(message, param="custom_id", code="invalid_custom_id")
        if found.method != "POST":
            message = f"method must be POST, but is {found.method[:20]!r}."
            raise InvalidRequest(message, param="method", code="invalid_method")
        if found.url != endpoint:
            message = f"url must be that of the batch, {endpoint}, but is {found.url[:80]!r}."
            raise InvalidRequest(message, param="url", code="mismatched_endpoint")
        try:
            return found.custom_id, self._request(found, at)
        except InvalidRequest as exc:
            return found.custom_id, Failure.of(exc)

    def write(self, job: StoredJob, transcript: Transcript | None, reason: str) -> bytes:
        """See `Lines.write`."""
        response = error = None
        if transcript is not None:
            body = self._body(job, transcript)
            response = LineResponse(200, job.id, body)
        elif job.failure is not None:
            failure = job.failure
            detail = ErrorDetail(failure.message, failure.type, failure.param, failure.code)
            body = msgspec.Raw(msgspec.json.encode(ErrorBody(detail)))
            response = LineResponse(failure.status, job.id, body)
        else:
            error = LineFailure(reason, _REASONS[reason])
        name = f"batch_req_{job.id.removeprefix('job_')}"
        return msgspec.json.encode(OutputLine(name, job.custom_id or "", response, error)) + b"\n"

    def _request(self, line: _Line, at: InFile) -> JobRequest:
        fields = dict(line.body)
        audio, file_id = fields.pop(INPUT_AUDIO, None), fields.pop(FILE_ID, None)
        if (audio is None) == (file_id is None):
            raise InvalidRequest(
                f"A line names its recording by one of {INPUT_AUDIO} and {FILE_ID}.",
                param=INPUT_AUDIO,
                code="missing_required_parameter",
            )
        if len(fields) > MAX_FIELDS:
            raise InvalidRequest(f"The body has more than {MAX_FIELDS} fields.")
        room = FieldRoom()
        pairs = [(name, field_text(name, value, room)) for name, value in fields.items()]
        for name in job_form.OWN:
            if any(job_form.base_name(each) == name for each, _ in pairs):
                message = f"'{name}' is a field of jobs, and none of a line."
                raise InvalidRequest(message, param=name, code="invalid_value")
        if line.url == TRANSLATIONS:
            pairs.append(("task", "translate"))
        request = job_form.parse(pairs, self._settings, word_times=False)
        source = at if file_id is None else InFile(field_text(FILE_ID, file_id, room))
        return job_form.job_request(pairs, request, source)

    def _body(self, job: StoredJob, transcript: Transcript) -> msgspec.Raw:
        style = job_form.style(job.request, (), self._settings)
        body = formats.render(transcript, style)
        if formats.CONTENT_TYPES[style.format] == "application/json":
            return msgspec.Raw(body)
        return msgspec.Raw(msgspec.json.encode(body.decode()))

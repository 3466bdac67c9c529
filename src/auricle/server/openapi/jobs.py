"""``/v1/jobs`` in the document.

Knows nothing about how jobs are done.
"""

from __future__ import annotations

from typing import Any, Final, get_args

import msgspec

from auricle.fields.table import FIELDS
from auricle.jobs.job import State
from auricle.server.jobs import bodies
from auricle.server.jobs.job_form import ANSWER, MAX_NAME_CHARS, TASKS
from auricle.server.openapi.answers import ALWAYS, OF_RECORDING, failures, json_content, success
from auricle.server.openapi.schemas import Json, ref

TAG: Final = {"name": "Jobs", "description": "Recordings that are transcribed when there is time."}

PARAMETER: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The job's `id`.",
    "schema": {"type": "string", "minLength": 1},
    "example": "job_0123456789abcdef0123456789abcdef",
}

_OWN: Final[Json] = {
    "task": {
        "type": "string",
        "enum": list(TASKS),
        "default": "transcribe",
        "description": "translate writes English.",
    },
    "path": {
        "type": "string",
        "description": "Instead of a recording: its path in the server's `job_folder`.",
    },
    "url": {
        "type": "string",
        "description": "Instead of a recording: where it is, on one of `job_url_hosts`.",
    },
    "webhook_url": {
        "type": "string",
        "description": "Who is told when the job has ended, on one of `webhook_hosts`.",
    },
    "webhook_secret": {
        "type": "string",
        "description": "What that is signed with, if not the server's: whsec_ and base64.",
    },
    "name": {
        "type": "string",
        "maxLength": MAX_NAME_CHARS,
        "description": "Your name for the job.",
    },
}

_JOB: Final = bodies.JobBody(
    id="job_0123456789abcdef0123456789abcdef",
    status="running",
    name="Monday",
    task="transcribe",
    model="whisper-1",
    source=bodies.JobSource("upload", None),
    created_at=1_790_000_000,
    started_at=1_790_000_002,
    ended_at=None,
    expires_at=None,
    progress=bodies.JobProgress(1203.5, 7200.0, 52),
    error=None,
    webhook=None,
    request={"model": "whisper-1", "name": "Monday"},
)

_LIST: Final = bodies.JobList(data=(_JOB,), first_id=_JOB.id, last_id=_JOB.id, has_more=False)


def paths() -> Json:
    one = "/v1/jobs/{id}"
    return {
        "/v1/jobs": {"post": _create(), "get": _listed()},
        f"{one}/result": {"get": _result()},
        f"{one}/cancel": {"post": _on_one("cancelJob", "Stop a job that has not ended")},
        one: {
            "get": _on_one("retrieveJob", "How a job is"),
            "delete": _on_one("deleteJob", "Forget a job and its result", bodies.JobDeleted),
        },
    }


def _create() -> Json:
    properties: dict[str, Any] = {
        field.form_name: {**field.schema, "description": field.description}
        for field in FIELDS
        if field.name != "stream"
    }
    form = {
        "type": "object",
        "description": "The fields of a transcription, and a job's own.",
        "required": ["model"],
        "properties": {**properties, **_OWN},
    }
    created = success(
        json_content(bodies.JobBody, msgspec.to_builtins(_JOB)),
        "The job.",
        {**ALWAYS, "location": {"schema": {"type": "string"}, "description": "Its path."}},
    )
    return {
        "operationId": "createJob",
        "tags": ["Jobs"],
        "summary": "Have a recording transcribed when there is time",
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/json": {"schema": ref("AudioJson")},
            },
        },
        "responses": {
            "201": created,
            **failures(400, 401, 403, 404, 408, 413, 429, 500, 503, 507),
        },
    }


def _listed() -> Json:
    query = (
        ("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
        ("after", {"type": "string"}),
        ("order", {"type": "string", "enum": ["asc", "desc"], "default": "desc"}),
        ("status", {"type": "string", "enum": list(get_args(State))}),
    )
    return {
        "operationId": "listJobs",
        "tags": ["Jobs"],
        "summary": "Your jobs, the newest first, a page at a time",
        "parameters": [{"name": name, "in": "query", "schema": schema} for name, schema in query],
        "responses": {
            "200": success(json_content(bodies.JobList, msgspec.to_builtins(_LIST)), "The jobs."),
            **failures(400, 401, 403, 404, 500, 503),
        },
    }


def _on_one(name: str, summary: str, answer: type[msgspec.Struct] = bodies.JobBody) -> Json:
    example = bodies.JobDeleted(id=_JOB.id) if answer is bodies.JobDeleted else _JOB
    return {
        "operationId": name,
        "tags": ["Jobs"],
        "summary": summary,
        "parameters": [PARAMETER],
        "responses": {
            "200": success(json_content(answer, msgspec.to_builtins(example)), "The answer."),
            **failures(401, 403, 404, 500, 503),
        },
    }


def _result() -> Json:
    query = [
        {
            "name": field.form_name,
            "in": "query",
            "schema": field.schema,
            "description": field.description,
        }
        for field in FIELDS
        if field.name in ANSWER
    ]
    content = {
        "application/json": {
            "schema": {"oneOf": [ref("VerboseBody"), ref("DiarizedBody"), ref("JsonBody")]}
        },
        "text/plain": {"schema": {"type": "string", "description": "For text, srt and vtt."}},
    }
    return {
        "operationId": "retrieveJobResult",
        "tags": ["Jobs"],
        "summary": "What came of a job, in any format",
        "parameters": [PARAMETER, *query],
        "responses": {
            "200": success(content, "The text.", {**ALWAYS, **OF_RECORDING}),
            **failures(400, 401, 403, 404, 409, 500, 503),
        },
    }

"""OpenAI's Python SDK, of whichever version runs this: calls from standard input, outcomes out.

Knows nothing about what the outcomes should be. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import inspect
import io
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai

warnings.simplefilter("ignore", DeprecationWarning)  # OpenAI announces the end of its own service


class Unsized(io.RawIOBase):
    """A file nobody can ask how long it is."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115  # closed with the process

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)


def recording(upload: dict[str, Any]) -> Any:
    if upload["chunked"]:
        return (upload["name"], Unsized(upload["path"]), upload["mime"])
    content = Path(upload["path"]).read_bytes()
    return (upload["name"], content, upload["mime"]) if upload["name"] else content


def call(base_url: str, spec: dict[str, Any]) -> dict[str, Any]:
    client = openai.OpenAI(base_url=base_url, api_key=spec["key"], max_retries=spec["retries"])
    if spec["operation"] == "models":
        return {"value": [model.id for model in client.models.list()], "request_id": None}
    noun = client.audio.translations if spec["operation"] == "translate" else None
    api = noun or client.audio.transcriptions
    fields = {"model": spec["model"], **spec["fields"]}
    known = inspect.signature(api.create).parameters
    extra = {name: plain(fields.pop(name)) for name in list(fields) if name not in known}
    raw = api.with_raw_response.create(
        file=recording(spec["upload"]), extra_body=extra or None, **fields
    )
    parsed = raw.parse()
    return {"value": value(parsed, spec), "request_id": raw.headers.get("x-request-id")}


def plain(value: Any) -> Any:
    """A list as the oldest SDK can send it: it refuses to repeat a field."""
    return ",".join(value) if isinstance(value, list) else value


def value(parsed: Any, spec: dict[str, Any]) -> Any:
    if spec["fields"].get("stream"):
        return list(events(parsed))
    return parsed if isinstance(parsed, str) else parsed.model_dump(exclude_unset=True)


def events(parsed: Any) -> Iterator[Any]:
    """Of a stream; or of its whole text, which is what the SDK gives that knows no streams."""
    if not isinstance(parsed, str):
        yield from (event.model_dump(exclude_unset=True) for event in parsed)
        return
    for line in parsed.splitlines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def outcome(base_url: str, spec: dict[str, Any]) -> dict[str, Any]:
    try:
        return call(base_url, spec)
    except openai.APIError as exc:
        response = getattr(exc, "response", None)
        # The oldest SDK leaves the answer where it is
        detail: Any = response.json()["error"] if response else {}
        return {
            "error": type(exc).__name__,
            "status": getattr(exc, "status_code", None),
            "code": detail.get("code"),
            "param": detail.get("param"),
            "message": str(exc),
            "request_id": response.headers.get("x-request-id") if response else None,
        }


def main() -> None:
    asked = json.load(sys.stdin)
    answers = {spec["name"]: outcome(asked["base_url"], spec) for spec in asked["calls"]}
    json.dump({"version": openai.__version__, "outcomes": answers}, sys.stdout)


if __name__ == "__main__":
    main()

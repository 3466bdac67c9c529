"""The form as httpx2 or curl send it, named by the first argument: calls in, outcomes out.

Knows nothing about what the outcomes should be.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

NOUNS = {"transcribe": "transcriptions", "translate": "translations"}


def pairs(spec: dict[str, Any]) -> list[tuple[str, str]]:
    """Text fields as the API names them."""
    found = [("model", spec["model"])]
    for name, value in spec["fields"].items():
        if isinstance(value, list):
            found += [(f"{name}[]", item) for item in value]
        elif isinstance(value, dict | bool):
            found.append((name, json.dumps(value)))
        else:
            found.append((name, str(value)))
    return found


def multipart(spec: dict[str, Any]) -> Iterator[bytes]:
    """The body of the form, in pieces."""
    upload = spec["upload"]
    texts = b"".join(
        f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in pairs(spec)
    )
    quoted = (upload["name"] or "upload").replace('"', "%22")
    head = f'--XX\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
    file = f"{head}Content-Type: {upload['mime']}\r\n\r\n".encode()
    content = Path(upload["path"]).read_bytes()
    yield b"" if upload["first"] else texts
    yield file
    yield from (content[i : i + 65536] for i in range(0, len(content), 65536))
    yield b"\r\n" + (texts if upload["first"] else b"") + b"--XX--\r\n"


def with_httpx(url: str, spec: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    headers = {"authorization": f"Bearer {spec['key']}"}
    with httpx2.Client(timeout=120) as client:
        if spec["operation"] == "models":
            answer = client.get(url, headers=headers)
        else:
            headers["content-type"] = "multipart/form-data; boundary=XX"
            body = multipart(spec)
            content = body if spec["upload"]["chunked"] else b"".join(body)
            answer = client.post(url, content=content, headers=headers)
    return answer.status_code, dict(answer.headers), answer.content


def with_curl(url: str, spec: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    upload = spec["upload"]
    command = ["curl", "--silent", "--show-error", "--max-time", "120", "--no-buffer", url]
    command += ["--header", f"Authorization: Bearer {spec['key']}"]
    if spec["operation"] != "models":
        quoted = (upload["name"] or "upload").replace("\\", "\\\\").replace('"', '\\"')
        kind = f';type="{upload["mime"]}"' if ";" in upload["mime"] else f";type={upload['mime']}"
        file = ["--form", f'file=@{upload["path"]}{kind};filename="{quoted}"']
        texts = [
            part for name, value in pairs(spec) for part in ("--form-string", f"{name}={value}")
        ]
        command += [*file, *texts] if upload["first"] else [*texts, *file]
        if upload["chunked"]:
            command += ["--header", "Transfer-Encoding: chunked"]
    with tempfile.NamedTemporaryFile() as heads:
        done = subprocess.run(
            [*command, "--dump-header", heads.name], capture_output=True, check=True
        )
        lines = Path(heads.name).read_text("latin-1").replace("\r", "").strip().split("\n\n")
    status, *fields = lines[-1].split("\n")
    named = (field.split(": ", 1) for field in fields if ": " in field)
    return int(status.split()[1]), {name.lower(): value for name, value in named}, done.stdout


def outcome(way: str, base_url: str, spec: dict[str, Any]) -> dict[str, Any]:
    noun = "models" if spec["operation"] == "models" else f"audio/{NOUNS[spec['operation']]}"
    ask = with_curl if way == "curl" else with_httpx
    status, headers, body = ask(f"{base_url}/{noun}", spec)
    name = headers.get("x-request-id")
    if status != 200:
        error = json.loads(body)["error"]
        return {"error": None, "status": status, "request_id": name, **error}
    kind = headers["content-type"]
    value: Any = body.decode()
    if kind == "application/json":
        value = json.loads(body)
    elif kind.startswith("text/event-stream"):
        lines = value.splitlines()
        value = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    if spec["operation"] == "models":
        value = [model["id"] for model in value["data"]]
    return {"value": value, "request_id": name}


def main() -> None:
    asked = json.load(sys.stdin)
    way = sys.argv[1]
    answers = {spec["name"]: outcome(way, asked["base_url"], spec) for spec in asked["calls"]}
    json.dump({"version": way, "outcomes": answers}, sys.stdout)


if __name__ == "__main__":
    main()

"""OpenAI's Python package with files and batches, as its documentation has them.

Knows nothing about what the texts should be. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import openai

ENDPOINT = "/v1/audio/transcriptions"


def lines(file_id: str, recording: bytes, model: str) -> bytes:
    """One line for a file, one with the recording in it, one that cannot be served."""
    inline = {"input_audio": {"data": base64.b64encode(recording).decode()}}
    bodies = {
        "by file": {"model": model, "file_id": file_id, "response_format": "verbose_json"},
        "inline": {"model": model, **inline, "response_format": "text"},
        "wrong": {"model": "no-such-model", "file_id": file_id},
    }
    return b"\n".join(
        json.dumps({"custom_id": name, "method": "POST", "url": ENDPOINT, "body": body}).encode()
        for name, body in bodies.items()
    )


def heard(asked: dict[str, Any]) -> dict[str, Any]:
    client = openai.OpenAI(base_url=f"{asked['url']}/v1", api_key=asked["key"])
    path = Path(asked["path"])
    talk = client.files.create(file=path.open("rb"), purpose="user_data")
    made = lines(talk.id, path.read_bytes(), asked["model"])
    uploaded = client.files.create(file=("lines.jsonl", made), purpose="batch")
    batch = client.batches.create(
        input_file_id=uploaded.id,
        endpoint=ENDPOINT,  # type: ignore[arg-type]  # OpenAI's own service takes others
        completion_window="24h",
        metadata={"night": "monday"},
    )
    while batch.status in ("validating", "in_progress", "finalizing"):
        batch = client.batches.retrieve(batch.id)
    assert batch.output_file_id is not None
    assert batch.error_file_id is not None
    assert batch.request_counts is not None
    done = [json.loads(line) for line in client.files.content(batch.output_file_id).iter_lines()]
    wrong = [json.loads(line) for line in client.files.content(batch.error_file_id).iter_lines()]
    by_id = {line["custom_id"]: line["response"]["body"] for line in done}
    found = {
        "status": batch.status,
        "counts": batch.request_counts.to_dict(),
        "metadata": batch.metadata,
        "by file": by_id["by file"]["text"],
        "inline": by_id["inline"],
        "wrong": [(line["custom_id"], line["response"]["status_code"]) for line in wrong],
        "listed": [each.id == batch.id for each in client.batches.list()],
        "purposes": sorted(each.purpose for each in client.files.list()),
    }
    for each in client.files.list():
        client.files.delete(each.id)
    return found


if __name__ == "__main__":
    json.dump(heard(json.load(sys.stdin)), sys.stdout)

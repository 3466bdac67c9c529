"""Server-sent events as a client that goes by their names reads them."""

from __future__ import annotations

import json
from typing import Any


def events(text: str, *, ends_with_done: bool = True) -> list[dict[str, Any]]:
    """The bodies of a whole stream's events. Each has the name that its type says, or is an error;
    comments are left out."""
    frames = [frame for frame in text.split("\n\n") if not frame.startswith(":")]
    assert frames.pop() == ""
    if ends_with_done:
        assert frames.pop() == "data: [DONE]"
    found = []
    for frame in frames:
        name, data = frame.split("\n")
        body = json.loads(data.removeprefix("data: "))
        assert name == f"event: {body.get('type', 'error')}"
        found.append(body)
    return found

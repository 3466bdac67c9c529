"""What Groq's clients look for in an answer besides what OpenAI's do: the id of the request.

Knows nothing about uploads or transcriptions. Vercel's ``@ai-sdk/groq`` takes no JSON without
``x_groq.id``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from starlette.types import Scope

from auricle.output import formats
from auricle.server.dialects import base_urls
from auricle.server.dialects.openai import OPENAI, Dialect
from auricle.types import Transcript


def write(transcript: Transcript, style: formats.Style, request_id: str) -> bytes:
    """The body of an answer; JSON names the request."""
    plain = OPENAI.write(transcript, style, request_id)
    if not style.format.endswith("json"):
        return plain
    body: dict[str, Any] = msgspec.json.decode(plain)
    return msgspec.json.encode({**body, "x_groq": {"id": request_id}})


GROQ = replace(OPENAI, write=write)


def dialect_of(scope: Scope, served: Dialect) -> Dialect:
    """What is spoken in a request where ``served`` is: Groq's clients have a base URL of their own
    for OpenAI's API."""
    return GROQ if served is OPENAI and base_urls.is_groqs(scope) else served

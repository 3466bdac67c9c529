"""OpenAI's way of asking and answering, and where those of other services may differ from it.

Knows nothing about uploads or transcriptions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from auricle.output import formats
from auricle.server.fields.audio_request import Pairs
from auricle.types import Format, Task, Transcript


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one service's clients expect of ``/v1/audio/…``."""

    read: Callable[[Pairs, Task], Pairs]
    """The form as OpenAI's clients would have sent it."""
    write: Callable[[Transcript, formats.Style, str], bytes]
    """The body of an answer; the last is the request's id."""
    media_types: Mapping[Format, str]
    sends_done: bool
    """Whether a stream ends with ``[DONE]``."""


OPENAI = Dialect(
    read=lambda pairs, _: pairs,
    write=lambda transcript, style, _: formats.render(transcript, style),
    media_types=formats.CONTENT_TYPES,
    sends_done=True,
)

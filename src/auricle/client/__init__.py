"""A client for Auricle's server, and for others that speak OpenAI's Audio API.

Knows nothing about the server's insides, and loads none of them.
"""

from __future__ import annotations

from auricle.client.async_client import AsyncClient
from auricle.client.errors import (
    ApiError,
    BadRequest,
    ClientError,
    NotFound,
    NotUnderstood,
    Overloaded,
    ServerFailed,
    TimedOut,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from auricle.client.results import (
    Event,
    Health,
    LanguageCode,
    Model,
    Segment,
    TextDelta,
    TextDone,
    TextSegment,
    TokenLogprob,
    Transcription,
    Usage,
    Word,
)
from auricle.client.sync_client import Client

__all__ = [
    "ApiError",
    "AsyncClient",
    "BadRequest",
    "Client",
    "ClientError",
    "Event",
    "Health",
    "LanguageCode",
    "Model",
    "NotFound",
    "NotUnderstood",
    "Overloaded",
    "Segment",
    "ServerFailed",
    "TextDelta",
    "TextDone",
    "TextSegment",
    "TimedOut",
    "TokenLogprob",
    "TooLarge",
    "Transcription",
    "Unauthorized",
    "Unreachable",
    "Usage",
    "Word",
]

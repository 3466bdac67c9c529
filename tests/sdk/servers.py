"""The servers that clients are tried against: one scripted by model names, one with real weights.

Knows nothing about clients.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from auricle.errors import AuricleError, EngineFailed, ModelNotFound, Overloaded, Unavailable
from auricle.reading.ledger import Ledger
from auricle.runtime import Runtime
from auricle.types import DecodeOptions, Speaker, Token, Word
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime, FakeTranscription, said

KEY = "sk-test-of-the-sdks"
MAX_UPLOAD_MB = 62

_WORDS = (Word(" Hello", 0.0, 0.5, 0.875), Word(" there.", 0.5, 1.0, 0.75))
_TOKENS = (Token(1, b" Hello", -0.25), Token(2, b" there.", -0.5))
SPOKEN = msgspec.structs.replace(said(" Hello there."), words=_WORDS, logprobs=_TOKENS)

BUSY = Overloaded("Busy.", code="rate_limit_exceeded", retry_after_s=0.5)
REFUSALS: dict[str, AuricleError] = {
    "busy": BUSY,
    "unknown": ModelNotFound("No such model.", code="model_not_found"),
    "stopping": Unavailable("Shutting down.", retry_after_s=0.5),
    "broken": EngineFailed("It failed twice."),
}
"""What a model of that name answers every time."""


class ScriptedRuntime(FakeRuntime):
    """The first word of a model's name, up to a dot, says what happens; the rest tells one call
    from another. ``attempts`` counts them, ``received`` keeps digest and options of each upload."""

    def __init__(self) -> None:
        super().__init__(settings(max_upload_mb=MAX_UPLOAD_MB, api_keys=(KEY,)))
        self.steps = (SPOKEN,)
        self.attempts: collections.Counter[str] = collections.Counter()
        self.received: dict[str, tuple[str, DecodeOptions]] = {}

    @contextlib.asynccontextmanager
    async def open(
        self,
        path: Path,
        options: DecodeOptions,
        key: str = "",
        model: str = "",
        ledger: Ledger | None = None,
    ) -> AsyncIterator[FakeTranscription]:
        self.attempts[model] += 1
        action = model.partition(".")[0]
        if action == "twice":
            if self.attempts[model] <= 2:
                raise BUSY
        elif action in REFUSALS:
            raise REFUSALS[action]
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.received[model] = (digest, options)
        fake = FakeTranscription(options.task, self.language, self.duration_s, self.steps)
        if options.speakers is not None:
            fake.steps = [msgspec.structs.replace(SPOKEN, speaker="Ann")]
            fake.speakers = (Speaker("Ann", True, 1.0),)
        yield fake


@contextlib.asynccontextmanager
async def scripted() -> AsyncIterator[tuple[Served, ScriptedRuntime]]:
    runtime = ScriptedRuntime()
    async with serving(runtime) as served:
        await runtime.started.wait()
        yield served, runtime


@contextlib.asynccontextmanager
async def real(**more: object) -> AsyncIterator[Served]:
    """tiny.en, and base when it is named; quick rather than accurate."""
    given = settings(model="tiny.en", max_upload_mb=64, decoding="fast", api_keys=(KEY,), **more)
    runtime: Any = Runtime(
        given
    )  # `serving` is written for the fake; the real one has all it needs
    async with serving(runtime) as served:
        await runtime.settled()
        assert runtime.state == "ready", runtime.failure
        yield served

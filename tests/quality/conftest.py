"""A model that hears pcm, started once: no server between."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest_asyncio

from auricle.runtime import Runtime
from auricle.segment_stream import collect
from auricle.types import SAMPLE_RATE, DecodeOptions, Pcm, Transcript
from tests.server.conftest import settings

Hear = Callable[[Pcm, DecodeOptions], Awaitable[Transcript]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hear(tmp_path_factory) -> AsyncIterator[Hear]:
    """Transcribes pcm with tiny.en, as the server would a file of it."""
    path = tmp_path_factory.mktemp("heard") / "audio.wav"
    runtime = Runtime(settings(model="tiny.en"))
    await runtime.start()
    assert runtime.state == "ready", runtime.failure

    async def heard(pcm: Pcm, options: DecodeOptions) -> Transcript:
        _write(path, pcm)
        async with runtime.open(path, options) as transcription:
            return await collect(transcription)

    yield heard
    await runtime.stop()


def _write(path: Path, pcm: Pcm) -> None:
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        wav.writeframes((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())

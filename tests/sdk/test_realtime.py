"""Other people's clients of the Realtime API, unmodified, each through a whole live session."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import soxr

from tests.audio_files import SAMPLES, check_live, read_wav
from tests.rules.source import ROOT
from tests.sdk import servers
from tests.sdk.test_matrix import DRIVERS, OLDEST, run
from tests.server.conftest import Served

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

AGENTS = ROOT / ".sdk" / "agents" / OLDEST.parent.name / "python"
NODE = ROOT / "tests" / "sdk" / "node" / "realtime.mjs"
TLS = ROOT / "tests" / "server" / "tls"

RATE = 24_000
LAST = "your country"

SESSION = {
    "type": "transcription",
    "audio": {
        "input": {
            "transcription": {"model": "whisper-1", "language": "en"},
            "turn_detection": None,
        }
    },
}
PREFIX = "conversation.item.input_audio_transcription"
TYPES = {
    "session.created",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    f"{PREFIX}.delta",
    f"{PREFIX}.completed",
}


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample and a pause, as pcm of 24 kHz."""
    silence = np.zeros(24_000, np.float32)
    pcm = soxr.resample(np.concatenate([read_wav(SAMPLES / "jfk.wav"), silence]), 16_000, RATE)
    path = tmp_path_factory.mktemp("live") / "jfk.pcm"
    path.write_bytes((pcm * 32767).clip(-32768, 32767).astype("<i2").tobytes())
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def plain() -> AsyncIterator[Served]:
    async with servers.real() as served:
        yield served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def secure() -> AsyncIterator[Served]:
    """OpenAI's client for Node makes wss of every URL."""
    certificate = {"tls_cert": TLS / "localhost.pem", "tls_key": TLS / "localhost.key"}
    async with servers.real(**certificate) as served:
        yield served


async def _heard(
    command: Sequence[str | Path], served: Served, recording: Path, **more: Any
) -> dict[str, Any]:
    asked = {
        "base_url": f"{served.url}/v1",
        "key": servers.KEY,
        "path": str(recording),
        "session": SESSION,
        "secret": False,
        "last": LAST,
        **more,
    }
    return await run(command, asked)


def _check_item(heard: Mapping[str, Any]) -> None:
    """One item, whose deltas are its transcript."""
    [transcript] = heard["transcripts"]
    assert heard["deltas"] == transcript
    check_live(transcript)
    assert TYPES <= set(heard["types"]) <= TYPES | {"session.updated"}


@pytest.mark.parametrize("secret", [False, True])
async def test_openai_for_python(plain: Served, recording: Path, secret: bool) -> None:
    command = (sys.executable, DRIVERS / "realtime_openai.py")
    _check_item(await _heard(command, plain, recording, secret=secret))


@pytest.mark.parametrize("major", ["6", "7"])
@pytest.mark.parametrize("kind", ["ws", "page"])
async def test_openai_for_node(
    secure: Served, recording: Path, monkeypatch: pytest.MonkeyPatch, major: str, kind: str
) -> None:
    """``page``: with the WebSocket of browsers, which has no headers for a key."""
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", os.fspath(TLS / "localhost.pem"))
    command = ("node", "--experimental-websocket", NODE, major, kind)
    base_url = f"{secure.url.replace('127.0.0.1', 'localhost')}/v1"
    is_page = kind == "page"
    more = {"base_url": base_url, "secret": is_page, "model": "whisper-1", "intent": True}
    _check_item(await _heard(command, secure, recording, **more))


@pytest.mark.parametrize("model", ["whisper-1", "gpt-realtime-whisper"])
async def test_livekit(plain: Served, recording: Path, model: str) -> None:
    """The second ends its turns itself."""
    command = (AGENTS, DRIVERS / "realtime_livekit.py")
    heard = await _heard(command, plain, recording, model=model)
    _check_turns(heard["transcripts"])
    assert {"start_of_speech", "interim_transcript", "end_of_speech", "recognition_usage"} <= set(
        heard["kinds"]
    )


@pytest.mark.parametrize(("model", "vad"), [("whisper-1", True), ("gpt-realtime-whisper", False)])
async def test_pipecat(plain: Served, recording: Path, model: str, vad: bool) -> None:
    command = (AGENTS, DRIVERS / "realtime_pipecat.py")
    socket_url = f"{plain.url.replace('http', 'ws', 1)}/v1/realtime"
    heard = await _heard(command, plain, recording, model=model, vad=vad, socket_url=socket_url)
    _check_turns(heard["transcripts"])
    said = "".join(heard["interims"]).replace(" ", "")
    assert said == "".join(heard["transcripts"]).replace(" ", ""), "nothing is told twice"


def _check_turns(transcripts: Sequence[str]) -> None:
    check_live(" ".join(transcripts))

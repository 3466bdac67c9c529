"""Every client of the matrix gets what it expects, and asks as often as it should."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from auricle.types import KnownVoice, SpeakerOptions
from tests.audio_files import SAMPLES
from tests.rules.source import ROOT
from tests.sdk import servers
from tests.sdk.cases import CLIENTS, NODE, REAL, SCRIPTED, Case, Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024
DRIVERS = ROOT / "tests" / "sdk" / "drivers"
NODE_DRIVER = ROOT / "tests" / "sdk" / "node" / "driver.mjs"
OLDEST = ROOT / ".sdk" / "oldest" / ("Scripts" if sys.platform == "win32" else "bin") / "python"

COMMANDS: Mapping[str, Sequence[str | Path]] = {
    "openai 3": (sys.executable, DRIVERS / "openai_python.py"),
    "openai 1.0": (OLDEST, DRIVERS / "openai_python.py"),
    "openai-node 6": ("node", NODE_DRIVER, "6"),
    "openai-node 7": ("node", NODE_DRIVER, "7"),
    "httpx2": (sys.executable, DRIVERS / "raw.py", "httpx2"),
    "curl": (sys.executable, DRIVERS / "raw.py", "curl"),
}
VERSIONS = {
    "openai 3": r"3\.\d+\.\d+",
    "openai 1.0": r"1\.0\.0",
    "openai-node 6": r"6\.\d+\.\d+",
    "openai-node 7": r"7\.\d+\.\d+",
    "httpx2": "httpx2",
    "curl": "curl",
}

CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    413: "APIStatusError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}
"""The Python SDK's exception for a status; JavaScript's has the same names but for 413."""


@dataclass(frozen=True)
class Tried:
    """What came of all cases: outcomes by client and case, and what the server saw."""

    versions: Mapping[str, str]
    outcomes: Mapping[tuple[str, str], Outcome]
    runtime: servers.ScriptedRuntime | None
    digests: Mapping[int, str]


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The sample by how many MiB are put between its header and its sound."""
    folder = tmp_path_factory.mktemp("recordings")
    sample = (SAMPLES / "jfk.wav").read_bytes()
    data = sample.index(b"data")
    made = {}
    for large_mb in {case.upload.large_mb for case in (*SCRIPTED, *REAL)}:
        junk = b"JUNK" + (large_mb * MIB).to_bytes(4, "little") + bytes(large_mb * MIB)
        whole = sample[:data] + (junk if large_mb else b"") + sample[data:]
        made[large_mb] = folder / f"speech{large_mb}.wav"
        made[large_mb].write_bytes(whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:])
    return made


def model_name(client: str, case: Case) -> str:
    """What tells a call from all others at the scripted server."""
    return f"{case.action}.{client}.{case.name}"


def spec(client: str, case: Case, recordings: Mapping[int, Path], model: str) -> dict[str, Any]:
    upload = case.upload
    return {
        "name": case.name,
        "operation": case.operation,
        "model": model,
        "fields": dict(case.fields),
        "key": case.key or servers.KEY,
        "retries": case.retries,
        "upload": {
            "path": str(recordings[upload.large_mb]),
            "name": upload.name,
            "mime": upload.mime,
            "chunked": upload.chunked,
            "first": upload.first,
        },
    }


async def run(command: Sequence[str | Path], asked: Mapping[str, Any]) -> dict[str, Any]:
    """A driver's answer; what it says on standard error is a failure's reason."""
    assert shutil.which(command[0]), f"{command[0]} is missing: make sdk"
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaints = await process.communicate(json.dumps(asked).encode())
    assert process.returncode == 0, complaints.decode()
    answer: dict[str, Any] = json.loads(said)
    return answer


async def run_all(url: str, calls: Mapping[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Every client's answers, two clients at a time."""
    places = asyncio.Semaphore(2)

    async def one(client: str) -> dict[str, Any]:
        async with places:
            asked = {"base_url": f"{url}/v1", "calls": calls[client]}
            return await run(COMMANDS[client], asked)

    answers = await asyncio.gather(*(one(client) for client in calls))
    return dict(zip(calls, answers, strict=True))


def collected(answers: Mapping[str, dict[str, Any]]) -> dict[tuple[str, str], Outcome]:
    return {
        (client, name): outcome
        for client, answer in answers.items()
        for name, outcome in answer["outcomes"].items()
    }


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scripted(recordings: dict[int, Path]) -> AsyncIterator[Tried]:
    async with servers.scripted() as (served, runtime):
        calls = {
            client: [
                spec(client, case, recordings, model_name(client, case))
                for case in SCRIPTED
                if client in case.clients
            ]
            for client in CLIENTS
        }
        answers = await run_all(served.url, calls)
        digests = {
            large_mb: hashlib.sha256(path.read_bytes()).hexdigest()
            for large_mb, path in recordings.items()
        }
        versions = {client: answer["version"] for client, answer in answers.items()}
        yield Tried(versions, collected(answers), runtime, digests)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def real(recordings: dict[int, Path]) -> AsyncIterator[Tried]:
    async with servers.real() as served:
        calls = {
            client: [spec(client, case, recordings, "whisper-1") for case in REAL]
            for client in CLIENTS
        }
        yield Tried({}, collected(await run_all(served.url, calls)), None, {})


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_version_is_the_one_meant(scripted: Tried, client: str) -> None:
    assert re.fullmatch(VERSIONS[client], scripted.versions[client])


@pytest.mark.parametrize(
    ("client", "case"),
    [
        pytest.param(client, case, id=f"{client}: {case.name}")
        for client in CLIENTS
        for case in SCRIPTED
        if client in case.clients
    ],
)
async def test_scripted(scripted: Tried, client: str, case: Case) -> None:
    outcome = scripted.outcomes[client, case.name]
    assert scripted.runtime is not None
    name = model_name(client, case)
    assert scripted.runtime.attempts[name] == case.attempts
    if case.operation != "models":
        assert re.fullmatch("req_[0-9a-f]{32}", outcome["request_id"])
    if case.status == 200:
        assert case.check(outcome["value"]), outcome["value"]
        if case.attempts:
            assert scripted.runtime.received[name][0] == scripted.digests[case.upload.large_mb]
        return
    assert (outcome["status"], outcome["code"]) == (case.status, case.code)
    if outcome["error"] is not None:
        wanted = CLASSES[case.status]
        is_plain = client in NODE and wanted == "APIStatusError"
        assert outcome["error"] == ("APIError" if is_plain else wanted)


@pytest.mark.model
@pytest.mark.parametrize(
    ("client", "case"),
    [
        pytest.param(client, case, id=f"{client}: {case.name}")
        for client in CLIENTS
        for case in REAL
    ],
)
async def test_real(real: Tried, client: str, case: Case) -> None:
    outcome = real.outcomes[client, case.name]
    assert "value" in outcome, outcome
    assert case.check(outcome["value"]), outcome["value"]


async def test_chunking_reaches_the_server(scripted: Tried) -> None:
    """The nested fields of an object arrive whole, however a client writes them."""
    case = next(case for case in SCRIPTED if case.name == "chunking as an object")
    assert scripted.runtime is not None
    received = scripted.runtime.received
    thresholds = {client: received[model_name(client, case)][1].vad_threshold for client in CLIENTS}
    assert thresholds == dict.fromkeys(CLIENTS, 0.75)


async def test_known_voices_reach_the_server(scripted: Tried) -> None:
    """Data URLs hold commas, and one client writes lists with commas between them."""
    case = next(case for case in SCRIPTED if case.name == "speakers")
    assert scripted.runtime is not None
    received = scripted.runtime.received
    asked = {client: received[model_name(client, case)][1].speakers for client in CLIENTS}
    known = (KnownVoice("Ann", b"ann"), KnownVoice("Bob", b"bob"))
    assert asked == dict.fromkeys(CLIENTS, SpeakerOptions(known=known))

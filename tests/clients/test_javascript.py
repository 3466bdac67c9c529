"""The JavaScript client in Node."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.clients.conftest import Ended, Run
from tests.e2e.conftest import Real
from tests.server.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")

JFK = SAMPLES / "jfk.wav"
PROGRAM = "javascript/transcribe.js"


async def test_the_module(run: Run, served: Served):
    ended = await run("node", "--test", Path(__file__).with_name("auricle.test.js"), url=served.url)
    assert ended.status == 0, ended.output + ended.complaint


@pytest.mark.model
@pytest.mark.parametrize("how", [(), ("--stream",)])
async def test_a_transcription(run: Run, english: Real, how):
    ended = await run("node", PROGRAM, *how, JFK, url=english.served.url)
    assert (ended.status, ended.complaint) == (0, "")
    assert words(ended.output) == JFK_WORDS


async def test_a_refusal(run: Run, served: Served):
    ended = await run("node", PROGRAM, "--model", "no-such", JFK, url=served.url)
    assert ended == Ended(1, "", "transcribe.js: 404: The model `no-such` is not here.\n")


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        ((), 2, "which recording? see --help"),
        (("none.wav",), 2, "ENOENT: no such file or directory, access 'none.wav'"),
        (("--nonsense",), 2, "Unknown option '--nonsense'"),
        ((JFK,), 3, "no answer from http://127.0.0.1:9"),
    ],
)
async def test_a_wrong_call(run: Run, arguments, status, complaint):
    ended = await run("node", PROGRAM, *arguments, url="http://127.0.0.1:9")
    assert (ended.status, ended.output) == (status, "")
    assert ended.complaint.startswith(f"transcribe.js: {complaint}")

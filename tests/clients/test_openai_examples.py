"""The examples on OpenAI's packages for Python and Node."""

from __future__ import annotations

import re
import sys

import pytest

from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.clients.conftest import Ended, Run
from tests.e2e.conftest import Real
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

JFK = SAMPLES / "jfk.wav"
PROGRAMS = {
    "python": (sys.executable, "python/transcribe.py"),
    "node": ("node", "node/transcribe.mjs"),
}
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(params=PROGRAMS.values(), ids=list(PROGRAMS))
def program(request: pytest.FixtureRequest) -> tuple[str, str]:
    found: tuple[str, str] = request.param
    return found


@pytest.mark.model
@pytest.mark.parametrize("how", [(), ("--stream",)], ids=["plain", "stream"])
async def test_a_transcription(run: Run, english: Real, program, how):
    ended = await run(*program, *how, JFK, url=english.served.url)
    assert (ended.status, ended.complaint) == (0, "")
    assert words(ended.output) == JFK_WORDS


@pytest.mark.model
async def test_words(run: Run, english: Real, program):
    ended = await run(*program, "--words", JFK, url=english.served.url)
    assert (ended.status, ended.complaint) == (0, "")
    lines = [line.split() for line in ended.output.splitlines()]
    assert [len(line) for line in lines] == [3] * len(lines)
    assert words(" ".join(line[2] for line in lines)) == JFK_WORDS


async def test_an_upload_tells_its_progress(run: Run, served: Served, program):
    ended = await run(*program, "--progress", "--format", "srt", JFK, url=served.url)
    assert ended.output.startswith("1\n00:00:00")
    told = [int(each) for each in re.findall(r"sent (\d+) %", ended.complaint)]
    assert told == sorted(told)
    assert told[-1] == 100
    assert served.runtime.asked[0][0] == JFK.read_bytes()


async def test_a_translation(run: Run, served: Served, program):
    ended = await run(*program, "--translate", JFK, url=served.url)
    assert (ended.status, ended.complaint) == (0, "")
    assert served.runtime.asked[0][1].task == "translate"


async def test_a_key_is_sent(run: Run, program):
    async with serving(FakeRuntime(settings(api_keys=("a-b",)))) as served:
        ended = await run(*program, JFK, url=f"{served.url}/v1/", AURICLE_API_KEY="a-b")
    assert (ended.status, ended.complaint) == (0, "")


async def test_a_field_that_only_this_server_has(run: Run, served: Served):
    command = (*PROGRAMS["python"], "--field", "beam_size=2", "--language", "de", JFK)
    assert (await run(*command, url=served.url)).status == 0
    options = served.runtime.asked[0][1]
    assert (options.beam_size, options.language) == (2, "de")


async def test_a_refusal(run: Run, served: Served, program):
    ended = await run(*program, "--model", "no-such", JFK, url=served.url)
    assert (ended.status, ended.output) == (1, "")
    assert "404" in ended.complaint
    assert ended.complaint.endswith(" The model `no-such` is not here.\n")


async def test_no_server(run: Run, program):
    ended = await run(*program, JFK, url=NOWHERE)
    assert (ended.status, ended.output) == (3, "")
    assert "no answer" in ended.complaint


@pytest.mark.parametrize("arguments", [(), ("none.wav",), ("--nonsense",)], ids=" ".join)
async def test_a_wrong_call(run: Run, program, arguments):
    ended: Ended = await run(*program, *arguments, url=NOWHERE)
    assert (ended.status, ended.output) == (2, "")
    assert ended.complaint

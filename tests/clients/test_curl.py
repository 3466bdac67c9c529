"""The scripts for bash and curl."""

from __future__ import annotations

import json

import pytest

from auricle.errors import Overloaded
from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.clients.conftest import Ended, Run
from tests.e2e.conftest import Real
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

JFK = SAMPLES / "jfk.wav"
SCRIPTS = ("curl/transcribe.sh", "curl/translate.sh", "curl/stream.sh")
NOWHERE = "http://127.0.0.1:1"


@pytest.mark.model
@pytest.mark.parametrize("script", ["curl/transcribe.sh", "curl/stream.sh"])
async def test_a_transcription(run: Run, english: Real, script):
    ended = await run(script, JFK, url=english.served.url)
    assert (ended.status, ended.complaint) == (0, "")
    assert words(ended.output) == JFK_WORDS


@pytest.mark.model
async def test_words(run: Run, english: Real):
    ended = await run("curl/transcribe.sh", "--words", JFK, url=english.served.url)
    answer = json.loads(ended.output)
    assert words(" ".join(word["word"] for word in answer["words"])) == JFK_WORDS
    assert len(answer["segments"]) > 0


@pytest.mark.parametrize("script", SCRIPTS)
async def test_help(run: Run, script):
    ended = await run(script, "--help", url=NOWHERE)
    assert (ended.status, ended.complaint) == (0, "")
    assert ended.output.startswith(f"{script.removeprefix('curl/')} [options] FILE\n")


async def test_options_become_fields(run: Run, served: Served):
    command = ("curl/translate.sh", "-l", "de", "-p", "@x; <y", "-F", "beam_size=2", "-f", "vtt")
    ended = await run(*command, JFK, url=f"{served.url}/v1/")
    assert ended.output.startswith("WEBVTT\n\n")
    content, options = served.runtime.asked[0]
    assert content == JFK.read_bytes()
    assert (options.language, options.prompt, options.beam_size) == ("de", "@x; <y", 2)
    assert options.task == "translate"


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_key_is_sent(run: Run, script):
    key = 'a"b\\c'
    async with serving(FakeRuntime(settings(api_keys=(key,)))) as served:
        ended = await run(script, JFK, url=served.url, AURICLE_API_KEY=key)
    assert (ended.status, ended.complaint) == (0, "")


async def test_odd_names_and_standard_input(run: Run, served: Served, tmp_path):
    path = tmp_path / 'a;type=x, "b"\\ .wav'
    path.write_bytes(b"RIFF")
    named = await run("curl/transcribe.sh", path, url=served.url)
    piped = await run("curl/transcribe.sh", "-", url=served.url, given=b"RIFF2")
    assert named == piped == Ended(0, "Hello there. And you.\n", "")
    assert [content for content, _ in served.runtime.asked] == [b"RIFF", b"RIFF2"]


async def test_events(run: Run, served: Served):
    ended = await run("curl/stream.sh", "--events", JFK, url=served.url)
    kinds = [json.loads(line)["type"] for line in ended.output.splitlines()]
    assert kinds == ["transcript.text.delta"] * 2 + ["transcript.text.done"]


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_refusal(run: Run, served: Served, script):
    ended = await run(script, "-m", "no-such", JFK, url=served.url)
    name = script.removeprefix("curl/")
    assert ended == Ended(1, "", f"{name}: 404: The model `no-such` is not here.\n")


async def test_a_busy_server_says_when(run: Run, served: Served):
    served.runtime.overload = Overloaded("full", code="rate_limit_exceeded", retry_after_s=9.0)
    ended = await run("curl/transcribe.sh", JFK, url=served.url)
    assert ended == Ended(1, "", "transcribe.sh: 429: full (try again in 9 s)\n")


@pytest.mark.parametrize("script", SCRIPTS)
async def test_no_server(run: Run, script):
    ended = await run(script, JFK, url=NOWHERE)
    assert (ended.status, ended.output) == (3, "")
    assert f"no answer from {NOWHERE} (curl's exit status 7)" in ended.complaint


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "which recording? see --help"),
        (("none.wav",), "cannot read 'none.wav'"),
        (("a.wav", "b.wav"), "one recording at a time: 'a.wav' or 'b.wav'?"),
        (("--nonsense",), "unknown option '--nonsense'; see --help"),
        (("-l",), "-l wants a value; see --help"),
        (("-F", "beam_size"), "--field wants NAME=VALUE, not 'beam_size'"),
    ],
)
async def test_a_wrong_call(run: Run, arguments, complaint):
    ended = await run("curl/transcribe.sh", *arguments, url=NOWHERE)
    assert ended == Ended(2, "", f"transcribe.sh: {complaint}\n")

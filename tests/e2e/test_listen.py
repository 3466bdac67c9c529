"""`auricle listen --url`: captions from a server of ours, through its Realtime socket."""

from __future__ import annotations

import pytest

from auricle.cli.listening import remote
from auricle.cli.listening.remote_options import RemoteOptions
from auricle.cli.listening.speech import FinishedTurn
from auricle.types import SAMPLE_RATE
from tests.audio_files import SAMPLES, check_live, read_wav
from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]


async def test_captions_from_a_server(english: Real) -> None:
    pcm = read_wav(SAMPLES / "jfk.wav")
    async with remote.opened(RemoteOptions(english.served.url)) as speech:
        for first in range(0, len(pcm), SAMPLE_RATE):
            await speech.send(pcm[first : first + SAMPLE_RATE])
        await speech.finish()
        heard = [each async for each in speech]
    said = [each for each in heard if isinstance(each, FinishedTurn)]
    check_live(" ".join(each.text for each in said))
    assert said[0].start_s == pytest.approx(0.3, abs=0.3)
    assert said[0].words[0].text.strip() == "And"


async def test_who_speaks(english: Real) -> None:
    async with remote.opened(RemoteOptions(english.served.url, diarize=True)) as speech:
        await speech.send(read_wav(SAMPLES / "jfk.wav"))
        await speech.finish()
        said = [each async for each in speech if isinstance(each, FinishedTurn)]
    assert all(each.text.startswith("A: ") for each in said)
    check_live(" ".join(each.text.removeprefix("A: ") for each in said))
    assert {word.speaker for each in said for word in each.words} == {"A"}

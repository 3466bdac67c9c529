"""Live sessions on real weights, by OpenAI's own client: all that is said arrives."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from typing import Any

import numpy as np
import openai
import pytest
import soxr

from auricle.types import SAMPLE_RATE, Pcm
from tests.audio_files import JFK_WORDS, SAMPLES, check_live, music, read_wav, words
from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

PAUSE = np.zeros(SAMPLE_RATE, np.float32)


def jfk() -> Pcm:
    return np.concatenate([read_wav(SAMPLES / "jfk.wav"), PAUSE])


def encoded(pcm: Pcm, rate: int = 24_000) -> str:
    """As clients send it."""
    samples = np.clip(soxr.resample(pcm, SAMPLE_RATE, rate) * 32767, -32768, 32767)
    return base64.b64encode(samples.astype("<i2").tobytes()).decode()


class Heard:
    """What a client was told, by item."""

    def __init__(self) -> None:
        self.deltas: dict[str, str] = {}
        self.transcripts: dict[str, str] = {}
        self.order: list[str] = []
        self.words: list[dict[str, Any]] = []

    def take(self, event: Any) -> None:
        if event.type == "conversation.item.input_audio_transcription.delta":
            self.deltas[event.item_id] = self.deltas.get(event.item_id, "") + event.delta
            self.words += event.to_dict().get("words", [])
        elif event.type == "conversation.item.input_audio_transcription.completed":
            self.transcripts[event.item_id] = event.transcript
        elif event.type == "input_audio_buffer.committed":
            self.order.append(event.item_id)
        assert event.type not in ("error", "conversation.item.input_audio_transcription.failed")

    @property
    def is_complete(self) -> bool:
        return bool(self.order) and set(self.order) == set(self.transcripts)

    @property
    def text(self) -> str:
        assert {item: text for item, text in self.transcripts.items() if text} == self.deltas
        return " ".join(self.transcripts[item] for item in self.order).strip()


def session(**given: Any) -> Any:
    asked = {"model": "whisper-1", "language": "en"}
    return {"type": "transcription", "audio": {"input": {"transcription": asked, **given}}}


async def _spoken(
    client: openai.AsyncOpenAI, given: Any, pcm: Pcm, others: asyncio.Barrier | None = None
) -> Heard:
    """A session in which all that is said is sent at once and committed, when ``others`` are
    connected as well: none is refused then because another is already spoken into."""
    heard = Heard()
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        await connection.session.update(session=given)
        if others is not None:
            await others.wait()
        await connection.input_audio_buffer.append(audio=encoded(pcm))
        await connection.input_audio_buffer.commit()
        async for event in connection:
            heard.take(event)
            if heard.is_complete:
                break
    return heard


@pytest.mark.parametrize("ending", [None, {"type": "semantic_vad", "eagerness": "low"}])
async def test_a_speech_in_one_item(english: Real, ending: Any) -> None:
    async with english.async_client() as client:
        heard = await _spoken(client, session(turn_detection=ending), jfk())
    check_live(heard.text)


async def test_turns_that_silence_ends(english: Real) -> None:
    """Times of words are those of the session, whatever came before."""
    pause = np.zeros(3 * SAMPLE_RATE, np.float32)
    given = session(turn_detection={"type": "server_vad", "silence_duration_ms": 500})
    given["include"] = ["item.input_audio_transcription.words"]
    async with english.async_client() as client:
        heard = await _spoken(client, given, np.concatenate([pause, jfk()]))
    assert heard.words[0]["start"] == pytest.approx(3.3, abs=0.3)
    assert heard.words[-1]["end"] == pytest.approx(14.0, abs=0.3)
    starts = [word["start"] for word in heard.words]
    assert starts == sorted(starts)
    assert len([text for text in heard.transcripts.values() if text]) >= 2
    check_live(heard.text)


async def test_silence_noise_and_music_say_nothing(english: Real) -> None:
    noise = np.random.default_rng(5).normal(0, 0.01, 20 * SAMPLE_RATE).astype(np.float32)
    async with english.async_client() as client:
        for quiet in (np.zeros(60 * SAMPLE_RATE, np.float32), noise, music(20.0)):
            heard = await _spoken(client, session(turn_detection=None), quiet)
            assert heard.text == ""


async def test_an_engine_that_is_killed_in_a_turn(english: Real) -> None:
    heard = Heard()
    async with english.async_client() as client:
        query = {"intent": "transcription"}
        async with client.realtime.connect(extra_query=query) as connection:
            await connection.session.update(session=session(turn_detection=None))
            await connection.input_audio_buffer.append(audio=encoded(jfk()[: 6 * SAMPLE_RATE]))
            async for event in connection:
                heard.take(event)
                if heard.deltas:
                    break
            os.kill(english.runtime.engines[-1].pid, signal.SIGKILL)
            await connection.input_audio_buffer.append(audio=encoded(jfk()[6 * SAMPLE_RATE :]))
            await connection.input_audio_buffer.commit()
            async for event in connection:
                heard.take(event)
                if heard.is_complete:
                    break
    check_live(heard.text)


async def test_languages_change_between_turns(multilingual: Real) -> None:
    spanish = np.concatenate([read_wav(SAMPLES / "es.wav"), PAUSE])
    asked = {"model": "whisper-1"}
    given = {"type": "transcription", "audio": {"input": {"transcription": asked}}}
    given["audio"]["input"]["turn_detection"] = None  # type: ignore[index]  # a table of tables
    found = []
    async with multilingual.async_client() as client:
        query = {"intent": "transcription"}
        async with client.realtime.connect(extra_query=query) as connection:
            await connection.session.update(session=given)  # type: ignore[arg-type]  # as above
            for pcm in (jfk(), spanish):
                await connection.input_audio_buffer.append(audio=encoded(pcm))
                await connection.input_audio_buffer.commit()
                async for event in connection:
                    if event.type == "conversation.item.input_audio_transcription.completed":
                        found.append([each.code for each in event.languages or ()])
                        break
    assert found == [["en"], ["es"]]


async def test_eight_sessions_and_a_file_at_a_time(english: Real) -> None:
    async with english.async_client() as client:
        given = session(turn_detection=None)
        part = jfk()[: 4 * SAMPLE_RATE]
        file = client.audio.transcriptions.create(
            model="whisper-1", file=SAMPLES / "jfk.wav", response_format="json"
        )
        others = asyncio.Barrier(8)
        spoken = asyncio.gather(*(_spoken(client, given, part, others) for _ in range(8)))
        answer, heard = await asyncio.gather(file, spoken)
    assert words(answer.text) == JFK_WORDS
    for each in heard:
        check_live(each.text, "and so my fellow americans ask not")

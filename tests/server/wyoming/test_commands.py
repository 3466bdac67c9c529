"""A voice service's client speaks a command and gets its text."""

from __future__ import annotations

import numpy as np
import pytest

from auricle import __version__
from auricle.errors import Overloaded
from auricle.live.effects import TurnFailed
from auricle.server.wyoming.command import SILENCE_S
from auricle.types import SAMPLE_RATE
from auricle.whisper import languages
from tests.server.wyoming.client import FORMAT, TONE, final, says, update, wyoming


async def test_a_command_becomes_text():
    async with wyoming() as server, server.client() as client:
        server.runtime.live_says = says("finish", final("turn on the light"))
        client.send("transcribe", {"language": "en"})
        client.command()
        assert await client.events("transcript-stop") == [
            ("transcript-start", {"language": "en"}),
            ("transcript-chunk", {"text": "turn on the light"}),
            ("transcript", {"text": "turn on the light", "language": "en"}),
            ("transcript-stop", {}),
        ]
        (live,) = server.runtime.lives
        assert live.told[-1] == "finish"
        assert live.options.language == "en"
        assert live.live.turns.ending == "manual"
        assert server.runtime.models == ["whisper-1"]
        np.testing.assert_array_equal(live.pcm, np.frombuffer(TONE, "<i2") / np.float32(32768))


async def test_text_comes_while_it_is_spoken():
    """What was told never changes: the chunks are the transcript."""
    async with wyoming() as server, server.client() as client:
        client.send("audio-start", {**FORMAT})
        client.send("audio-chunk", {**FORMAT}, TONE)
        await client.ping()
        (live,) = server.runtime.lives
        live.say(update("turn on", "the knight"), update("the"))
        assert await client.events("transcript-chunk") == [
            ("transcript-start", {"language": None}),
            ("transcript-chunk", {"text": "turn on"}),
        ]
        assert await client.event() == ("transcript-chunk", {"text": " the"})
        live.says = says("finish", final("turn on the light"), final("now", "de"))
        client.send("audio-stop")
        assert await client.events("transcript-stop") == [
            ("transcript-chunk", {"text": " light"}),
            ("transcript-chunk", {"text": " now"}),
            ("transcript", {"text": "turn on the light now", "language": "de"}),
            ("transcript-stop", {}),
        ]


async def test_nothing_said_is_an_empty_text():
    async with wyoming() as server, server.client() as client:
        client.command(b"")
        assert await client.events("transcript") == [
            ("transcript-start", {"language": None}),
            ("transcript", {"text": "", "language": None}),
        ]


async def test_several_commands_on_one_connection():
    async with wyoming() as server, server.client() as client:
        server.runtime.live_says = says("finish", final("one"))
        for name in ("small", None):
            if name:
                client.send("transcribe", {"name": name})
            client.command()
            assert await client.text() == "one"
        assert server.runtime.models == ["small", "whisper-1"]


async def test_chunks_alone_are_a_command():
    async with wyoming() as server, server.client() as client:
        server.runtime.live_says = says("finish", final("one"))
        client.send("audio-chunk", {**FORMAT}, TONE)
        client.send("audio-stop")
        assert await client.text() == "one"


@pytest.mark.parametrize(("sensitivity", "silence_s"), SILENCE_S.items())
async def test_our_vad_ends_the_command_when_asked(sensitivity, silence_s):
    async with wyoming() as server, server.client() as client:
        server.runtime.live_says = says("send", final("turn on the light"))
        client.send("transcribe", {"vad_sensitivity": sensitivity})
        client.send("audio-start", {**FORMAT})
        client.send("audio-chunk", {**FORMAT}, TONE)
        assert await client.text() == "turn on the light"
        turns = server.runtime.lives[0].live.turns
        assert (turns.ending, turns.silence_s) == ("silence", silence_s)


async def test_audio_behind_the_end_is_passed_over_and_another_command_begins():
    async with wyoming(wyoming_vad=True) as server, server.client() as client:
        server.runtime.live_says = says("send", final(""), final("one"))
        client.command()
        assert await client.text() == "one"
        await server.runtime.lives[0].closed.wait()
        client.send("audio-chunk", {**FORMAT}, TONE)
        client.send("audio-stop")
        client.command()
        assert (await client.events("transcript"))[-1][1]["text"] == "one"
        assert len(server.runtime.lives) == 2


async def test_what_is_offered():
    async with wyoming() as server, server.client() as client:
        client.send("describe")
        kind, data = await client.event()
        assert kind == "info"
        (program,) = data.pop("asr")
        assert data == {name: [] for name in ("tts", "handle", "intent", "wake", "mic", "snd")}
        models = program.pop("models")
        assert program == {
            "name": "auricle",
            "description": "Speech to text with Whisper models",
            "attribution": {"name": "Auricle", "url": ""},
            "installed": True,
            "version": __version__,
            "supports_transcript_streaming": True,
            "requires_external_vad": True,
            "prefers_auto_gain_enabled": False,
            "prefers_noise_reduction_enabled": False,
        }
        assert [model["name"] for model in models] == ["base", "small"]
        assert models[0]["languages"] == ["en", "de"]
        assert models[1]["languages"] == list(languages.NAMES)


async def test_a_server_that_ends_commands_says_so():
    async with wyoming(wyoming_vad=True) as server, server.client() as client:
        client.send("describe")
        assert (await client.event())[1]["asr"][0]["requires_external_vad"] is False


async def test_pings_are_answered_and_what_nobody_knows_is_passed_over():
    async with wyoming() as server, server.client() as client:
        client.send("select-program", {"name": "auricle"})
        client.send("voice-started", {"timestamp": 1})
        client.send("audio-stop")
        client.send("ping", {"text": "hello"})
        assert await client.event() == ("pong", {"text": "hello"})
        assert server.runtime.lives == []


async def test_questions_in_the_middle_of_a_command_are_answered():
    async with wyoming() as server, server.client() as client:
        client.send("audio-start", {**FORMAT})
        client.send("describe")
        assert (await client.event())[0] == "info"
        await client.ping()
        server.runtime.lives[0].says = says("finish", final("yes"))
        client.send("audio-stop")
        assert (await client.events("transcript-stop"))[-2][1]["text"] == "yes"


async def test_names_of_a_house_are_hints_as_far_as_there_is_room():
    async with wyoming() as server, server.client() as client:
        names = [f"lamp number {i:03}" for i in range(80)]
        client.send("transcribe", {"transcript_names": names, "transcript_terms": ["dim"]})
        client.command()
        await client.text()
        assert server.runtime.lives[0].options.keywords == tuple(names[:66])


@pytest.mark.parametrize(
    ("form", "samples"),
    [
        ({"rate": 16000, "width": 1, "channels": 1}, np.array([0, 128, 192], "u1")),
        ({"rate": 16000, "width": 4, "channels": 1}, np.array([-(2**31), 0, 2**30], "<i4")),
        (
            {"rate": 16000, "width": 3, "channels": 1},
            np.array([0, 0, 0x80, 0, 0, 0, 0, 0, 0x40], "u1"),
        ),
        (
            {"rate": 16000, "width": 2, "channels": 2},
            np.array([-(2**15), -(2**15), -(2**14), 2**14, 0, 2**15 - 1], "<i2"),
        ),
    ],
    ids=["8 bit", "32 bit", "24 bit", "stereo"],
)
async def test_samples_of_any_width(form, samples):
    async with wyoming() as server, server.client() as client:
        raw = samples.tobytes()
        client.send("audio-start", {**form})
        for first in range(0, len(raw), 5):  # samples are cut in two
            client.send("audio-chunk", {**form}, raw[first : first + 5])
        client.send("audio-stop")
        await client.text()
        np.testing.assert_allclose(server.runtime.lives[0].pcm, [-1, 0, 0.5], atol=1e-4)


async def test_samples_of_another_rate_keep_their_length():
    async with wyoming() as server, server.client() as client:
        client.command(TONE * 3, {"rate": 48_000, "width": 2, "channels": 1})
        await client.text()
        assert server.runtime.lives[0].now_s == pytest.approx(1.0, abs=0.01)
        assert len(server.runtime.lives[0].pcm) == pytest.approx(SAMPLE_RATE, abs=2)


@pytest.mark.parametrize("on", ["send", "finish"])
async def test_a_command_that_could_not_be_read(on):
    failed = TurnFailed(1, 0.0, 1.0, (), "the engine failed")
    async with wyoming() as server, server.client() as client:
        server.runtime.live_says = says(on, failed)
        client.command()
        assert await client.refusal() == {
            "text": "The command could not be read: the engine failed",
            "code": "server_error",
        }


async def test_no_room():
    async with wyoming() as server, server.client() as client:
        server.runtime.refusal = Overloaded("all are speaking", code="rate_limit_exceeded")
        client.command()
        assert await client.refusal() == {
            "text": "all are speaking",
            "code": "rate_limit_exceeded",
        }

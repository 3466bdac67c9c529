"""Sound of a recording comes at its pace; that of a microphone as it is heard."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auricle.cli.listening import sources
from auricle.errors import AuricleError
from auricle.speech.source import AudioChunk

RECORDED = np.arange(4000, dtype=np.float32)


class FakeDecoders:
    @contextlib.asynccontextmanager
    async def open(
        self, path: Path, *, finds_speech: bool
    ) -> AsyncIterator[AsyncIterator[AudioChunk]]:
        assert not finds_speech

        async def chunks() -> AsyncIterator[AudioChunk]:
            for part in (RECORDED[:3000], RECORDED[3000:]):
                yield AudioChunk(part, np.zeros(0, np.float32))

        yield chunks()


class Clock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


@pytest.mark.parametrize(
    ("speed", "slept_s"),
    [(1.0, [0.1, 0.0875, 0.0625]), (2.0, [0.05, 0.04375, 0.03125]), (0.0, [])],
)
async def test_a_recording_comes_at_its_pace(speed, slept_s):
    clock, decoders = Clock(), FakeDecoders()
    any_decoders: Any = decoders
    sound = sources.recording(Path("x"), any_decoders, speed, clock.sleep, clock)
    pieces = [piece async for piece in sound]
    assert [len(piece) for piece in pieces] == [1600, 1400, 1000]
    np.testing.assert_array_equal(np.concatenate(pieces), RECORDED)
    assert clock.slept_s == [pytest.approx(each) for each in slept_s]


async def test_a_recording_that_was_not_followed_catches_up():
    clock = Clock()
    any_decoders: Any = FakeDecoders()
    async for _ in sources.recording(Path("x"), any_decoders, 1.0, clock.sleep, clock):
        clock.now_s += 1.0
    assert clock.slept_s == [pytest.approx(0.1), 0.0, 0.0]


class PortAudioError(Exception):
    pass


DEVICES = (
    {"name": "speakers", "max_input_channels": 0},
    {"name": "headset", "max_input_channels": 1},
)


class FakeSound:
    """The module sounddevice with one microphone, which hears what ``hears`` says."""

    PortAudioError = PortAudioError

    def __init__(self, rate: float = 16000.0) -> None:
        self.rate = rate
        self.asked: dict[str, Any] = {}
        self.hears: Callable[[Callable[..., None]], None] = lambda _: None

    def query_devices(self, device: object = None, kind: str = "") -> Any:
        if not kind:
            return DEVICES
        if device == "none":
            raise ValueError("No input device matching 'none'")
        return {"default_samplerate": self.rate}

    @contextlib.contextmanager
    def RawInputStream(self, callback: Callable[..., None], **asked: Any):
        self.asked = asked
        if asked["device"] == 7:
            raise PortAudioError("Device unavailable")
        self.hears(callback)
        yield


async def test_a_microphone():
    sound = FakeSound()
    heard = np.linspace(-1, 1, 1600, dtype=np.float32)
    sound.hears = lambda callback: callback(heard.tobytes(), 1600, None, None)
    async with sources.microphone(sound) as pieces:
        np.testing.assert_array_equal(await anext(pieces), heard)
    assert sound.asked == {
        "samplerate": 16000,
        "channels": 1,
        "dtype": "float32",
        "device": None,
        "blocksize": 1600,
    }


async def test_a_microphone_of_another_rate():
    sound = FakeSound(48_000.0)
    block = np.zeros(4800, np.float32).tobytes()
    sound.hears = lambda callback: [callback(block) for _ in range(10)]  # type: ignore[func-returns-value, assignment]
    async with sources.microphone(sound, "headset") as pieces:
        n_samples = sum([len(await anext(pieces)) for _ in range(10)])
    assert n_samples == pytest.approx(16_000, abs=1000)
    assert (sound.asked["device"], sound.asked["samplerate"]) == ("headset", 48_000)


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("none", "the microphone 'none' cannot be read: No input device matching 'none'."),
        ("7", "the microphone '7' cannot be read: Device unavailable."),
    ],
)
async def test_a_microphone_that_is_not_there(device, reason):
    with pytest.raises(AuricleError) as refused:
        async with sources.microphone(FakeSound(), device):
            pass
    assert refused.value.message == f"{reason} Microphones here: 1: headset"


async def test_a_microphone_that_nobody_can_follow(monkeypatch):
    sound = FakeSound()
    block = np.zeros(1600, np.float32).tobytes()
    sound.hears = lambda callback: [callback(block) for _ in range(602)]  # type: ignore[func-returns-value, assignment]
    async with sources.microphone(sound) as pieces:
        with pytest.raises(AuricleError, match="60 s of what the microphone heard wait"):
            await anext(pieces)


def test_microphones_are_listed_with_their_numbers():
    assert sources.microphones(FakeSound()) == ["1: headset"]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ModuleNotFoundError("No module"), r"pip install 'auricle\[mic\]'"),
        (OSError("PortAudio library not found"), "libportaudio2"),
    ],
)
def test_what_is_missing_is_said(failure, reason):
    def load(name: str) -> SimpleNamespace:
        raise failure

    with pytest.raises(AuricleError, match=reason):
        sources.sound_module(load)

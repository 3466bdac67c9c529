"""Where sound comes from: a microphone, or a recording at the pace of somebody who speaks it.

Knows nothing about what is said in it. Sound is 16 kHz mono, in pieces of a tenth of a second.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from auricle.errors import AuricleError
from auricle.live.pcm import PcmFormat, PcmReader
from auricle.media.pool import DecoderPool
from auricle.types import SAMPLE_RATE, Pcm

PIECE_S: Final = 0.1
PIECE: Final = round(PIECE_S * SAMPLE_RATE)

MAX_WAITING_S: Final = 60.0
"""Sound of a microphone that may wait to be followed."""

Sound = Any
"""The module sounddevice, which is not typed, or what a test has instead."""

_NEEDED = "the microphone needs the package sounddevice: pip install 'auricle[mic]'"


async def recording(
    path: Path,
    decoders: DecoderPool,
    speed: float = 1.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Pcm]:
    """A recording as if it were spoken now, ``speed`` times as fast; 0 is as fast as it is taken.

    Raises:
        BadMedia: it is none.
    """
    async with decoders.open(path, finds_speech=False) as opened:
        begun_s, given_s = clock(), 0.0
        async for chunk in opened:
            for first in range(0, len(chunk.pcm), PIECE):
                piece = chunk.pcm[first : first + PIECE]
                given_s += len(piece) / SAMPLE_RATE
                if speed:
                    await sleep(max(0.0, begun_s + given_s / speed - clock()))
                yield piece


def sound_module(load: Callable[[str], Sound] = importlib.import_module) -> Sound:
    """Raises `AuricleError` where it, or what it needs, is not installed."""
    try:
        return load("sounddevice")
    except ImportError as exc:
        raise AuricleError(_NEEDED) from exc
    except OSError as exc:
        raise AuricleError(
            f"the microphone needs PortAudio, a library of the system ({exc}); on Debian and "
            "Ubuntu it is in the package libportaudio2"
        ) from exc


def microphones(sound: Sound) -> list[str]:
    """The devices to choose from, each with its number."""
    return [
        f"{number}: {device['name']}"
        for number, device in enumerate(sound.query_devices())
        if device["max_input_channels"] > 0
    ]


@asynccontextmanager
async def microphone(sound: Sound, device: str | None = None) -> AsyncIterator[AsyncIterator[Pcm]]:
    """What a microphone hears: the system's own, or one by its number or part of its name.

    Raises:
        AuricleError: there is none, or it cannot be read; or what it hears has waited for too long
            to be followed.
    """
    loop = asyncio.get_running_loop()
    recorded: asyncio.Queue[Pcm] = asyncio.Queue()
    given = int(device) if device and device.isdecimal() else device
    try:
        rate = round(sound.query_devices(given, "input")["default_samplerate"])
        reader = PcmReader(PcmFormat("f32le", rate, 1))

        def take(data: Any, *_: object) -> None:  # in a thread of PortAudio's
            piece = bytes(data)
            loop.call_soon_threadsafe(lambda: recorded.put_nowait(reader.push(piece)[0]))

        with sound.RawInputStream(
            samplerate=rate,
            channels=1,
            dtype="float32",
            device=given,
            blocksize=round(rate * PIECE_S),
            callback=take,
        ):
            yield _pieces(recorded)
    except (sound.PortAudioError, ValueError) as exc:
        known = "; ".join(microphones(sound)) or "none"
        named = f" {device!r}" if device else ""
        raise AuricleError(
            f"the microphone{named} cannot be read: {exc}. Microphones here: {known}"
        ) from exc


async def _pieces(recorded: asyncio.Queue[Pcm]) -> AsyncIterator[Pcm]:
    while True:
        piece = await recorded.get()
        if recorded.qsize() * PIECE_S > MAX_WAITING_S:
            raise AuricleError(
                f"{MAX_WAITING_S:g} s of what the microphone heard wait to be followed: this "
                "machine is too slow for the model; a smaller one is --model tiny"
            )
        yield np.asarray(piece, np.float32)

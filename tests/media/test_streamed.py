"""Containers that are decoded while they are sent, by real children."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from auricle.errors import BadMedia, Overloaded
from auricle.media.pool import DecoderPool
from auricle.settings.config import Settings
from auricle.types import Pcm
from tests.media.media_files import Format, jfk, sample

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = 3.0

STREAMS = (
    Format("wav", "pcm_s16le"),
    Format("wav", "pcm_mulaw", 8_000),
    Format("ogg", "libopus", 48_000),
    Format("webm", "libopus", 48_000),
    Format("flac", "flac"),
    Format("mp3", "libmp3lame", 44_100, "stereo"),
    Format("adts", "aac", 44_100),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[DecoderPool]:
    pool = DecoderPool(Settings(max_decoders=4))
    await pool.start()
    yield pool
    await pool.close()


async def decoded(pool: DecoderPool, data: bytes, piece_bytes: int) -> Pcm:
    async with pool.open_stream() as stream:

        async def write() -> None:
            for start in range(0, len(data), piece_bytes):
                await stream.write(data[start : start + piece_bytes])
            stream.end()

        writing = asyncio.create_task(write())
        blocks = [block async for block in stream]
        await writing
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


@pytest.mark.parametrize("form", STREAMS, ids=str)
async def test_the_audio_is_that_of_the_file(pool: DecoderPool, form: Format) -> None:
    pcm = await decoded(pool, sample(form, SECONDS), 997)
    assert len(pcm) / 16_000 == pytest.approx(SECONDS, abs=0.15)
    assert likeness(pcm, jfk(SECONDS)) > 0.9


def likeness(pcm: Pcm, wanted: Pcm) -> float:
    """The correlation of a second, however late it is: decoders need a beginning."""
    part = wanted[16_000:32_000]
    shifted = (pcm[16_000 + late : 32_000 + late] for late in range(1600))
    return max(float(np.corrcoef(part, each)[0, 1]) for each in shifted)


async def test_audio_comes_before_the_end(pool: DecoderPool) -> None:
    """What is spoken into a microphone is heard while it is spoken."""
    data = sample(Format("webm", "libopus", 48_000), SECONDS)
    async with pool.open_stream() as stream:
        await stream.write(data[: len(data) // 2])
        first = await anext(aiter(stream))
    assert 0 < len(first) <= 1600


@pytest.mark.parametrize("data", [b"OggS" + bytes(70_000), b"RIFF????WAVE", b"ID3 no sound at all"])
async def test_what_is_no_audio_is_refused(pool: DecoderPool, data: bytes) -> None:
    with pytest.raises(BadMedia):
        await decoded(pool, data, 4096)


async def test_what_is_cut_off_is_read_as_far_as_it_goes(pool: DecoderPool) -> None:
    data = sample(Format("ogg", "libopus", 48_000), SECONDS)
    pcm = await decoded(pool, data[: len(data) * 2 // 3], 4096)
    assert 0.9 < len(pcm) / 16_000 < SECONDS


async def test_a_child_is_free_again_whenever_its_stream_is_left(pool: DecoderPool) -> None:
    for _ in range(5):
        async with pool.open_stream() as stream:
            await stream.write(b"OggS")
    assert len(await decoded(pool, sample(STREAMS[0], SECONDS), 4096)) == SECONDS * 16_000


async def test_streams_leave_children_to_files(pool: DecoderPool) -> None:
    async with pool.open_stream(), pool.open_stream():
        with pytest.raises(Overloaded, match="Raw samples need no decoder"):
            async with pool.open_stream():
                pass


async def test_whoever_is_cancelled_gives_the_child_back(pool: DecoderPool) -> None:
    """Also while the child is still being made ready for others."""

    async def hold(entered: asyncio.Event) -> None:
        async with pool.open_stream() as stream:
            await stream.write(sample(STREAMS[0], SECONDS))
            await anext(aiter(stream))
            entered.set()
            await asyncio.Event().wait()

    for _ in range(3):
        entered = asyncio.Event()
        holding = asyncio.create_task(hold(entered))
        await entered.wait()
        holding.cancel()
        await asyncio.sleep(0)
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
    async with pool.open_stream(), pool.open_stream():
        pass

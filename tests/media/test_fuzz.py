"""Bytes of any kind are read or refused, and the pool goes on either way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import BadMedia
from auricle.media.pool import DecoderPool
from auricle.settings.config import Settings
from tests.media.media_files import FORMATS, JFK, sample


async def read(pool: DecoderPool, path: Path) -> int:
    async with pool.open(path) as recording:
        async for chunk in recording:
            assert np.isfinite(chunk.pcm).all()
    return round(recording.duration_s)


def test_no_bytes_break_the_pool(tmp_path):
    path = tmp_path / "fuzzed"
    originals = [sample(form, 1.0) for form in FORMATS]

    async def attempt(pool: DecoderPool, data: bytes) -> None:
        path.write_bytes(data)
        try:
            await read(pool, path)
        except BadMedia as error:
            assert error.param == "file"  # noqa: PT017  # success is allowed as well

    with asyncio.Runner() as runner:
        pool = DecoderPool(Settings(max_decoders=3))
        runner.run(pool.start())

        @settings(max_examples=60)
        @given(st.data())
        def fuzz(data: st.DataObject) -> None:
            file = bytearray(data.draw(st.sampled_from(originals) | st.binary(max_size=600)))
            for at, value in data.draw(
                st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=30)
            ):
                if at < len(file):
                    file[at] = value
            runner.run(attempt(pool, bytes(file[: data.draw(st.integers(0, len(file)))])))

        fuzz()
        assert runner.run(read(pool, JFK)) == 11
        runner.run(pool.close())

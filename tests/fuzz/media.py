"""Damaged recordings of every container and codec, through decoder processes."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from auricle.errors import BadMedia
from auricle.media.pool import DecoderPool
from auricle.settings.config import Settings
from tests.fuzz.faults import Fault, check_text
from tests.fuzz.mutation import MARKS, Damage
from tests.fuzz.target import Trial
from tests.media.media_files import FORMATS, JFK, sample

SECONDS = 1.0
MAX_SECONDS = 3600
HEAD_BYTES = 3000
EVERY = 500
"""After so many damaged ones a whole recording is read: the decoders must still do it."""


class _Media:
    def __init__(self, pool: DecoderPool, folder: Path) -> None:
        self._pool = pool
        self._path = folder / "recording"
        self._whole = [sample(form, SECONDS) for form in FORMATS]
        self._n = 0

    async def attempt(self, rng: random.Random) -> str:
        self._n += 1
        if self._n % EVERY == 0 and await self._read(JFK) != 11:
            raise Fault("a whole recording is not read as before")
        self._path.write_bytes(self._damaged(Damage(rng)))
        try:
            seconds = await self._read(self._path)
        except BadMedia as exc:
            check_text(exc.message)
            return "refused"
        return "read" if seconds else "empty"

    def _damaged(self, damage: Damage) -> bytes:
        rng = damage.rng
        whole = rng.choice(self._whole)
        if rng.random() < 0.7:  # where lengths, offsets and codecs stand
            return damage.data(whole[:HEAD_BYTES]) + whole[HEAD_BYTES:]
        other = rng.choice(self._whole)
        at = rng.randrange(len(whole))
        return damage.data(whole[:at] + other[at:] if rng.random() < 0.3 else whole, MARKS, 30)

    async def _read(self, path: Path) -> int:
        async with self._pool.open(path) as recording:
            async for chunk in recording:
                if not np.isfinite(chunk.pcm).all():
                    raise Fault("samples that are no numbers")
            for warning in recording.warnings:
                check_text(warning)
            return round(recording.duration_s)


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Trial]:
    pool = DecoderPool(Settings(max_decoders=2, max_audio_s=MAX_SECONDS))
    await pool.start()
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield _Media(pool, Path(folder))
        finally:
            await pool.close()

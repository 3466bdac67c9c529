"""The engine in this process answers as the one in a process of its own does."""

from __future__ import annotations

import pytest

from auricle.config import Settings
from auricle.engine.in_process import InProcessEngine
from auricle.engine.process import EngineProcess, one_gpu, resident_bytes
from auricle.engine.protocol import (
    DecodeJob,
    DecodeRow,
    EncodeJob,
    EncodeRow,
    Engine,
    EngineDied,
    ReleaseJob,
)
from auricle.errors import AuricleError, ModelUnusable
from auricle.models.fetch import locate
from tests.audio_files import SAMPLES, read_wav

JOB = DecodeJob((DecodeRow(1, 0.0, 11.0, "en", "transcribe"),), beam_size=1, temperature=0.0)


def _jfk() -> EncodeJob:
    return EncodeJob((EncodeRow(1, read_wav(SAMPLES / "jfk.wav").tobytes()),), n_frames=1500)


async def _read(engine: Engine) -> str:
    try:
        await engine.encode(_jfk())
        (answer,) = (await engine.decode(JOB)).windows
        await engine.release(ReleaseJob((1,)))
        with pytest.raises(AuricleError, match="KeyError"):
            await engine.decode(JOB)
        return "".join(segment.text for segment in answer.segments).strip()
    finally:
        await engine.close()


@pytest.mark.model
async def test_both_engines_say_the_same():
    """The same words: their numbers differ a little where only a process is told of AVX-512."""
    path = locate("tiny.en", Settings()).path
    inside = await InProcessEngine.start(path, device="cpu")
    outside = await EngineProcess.start(path, device="cpu")
    assert inside.info == outside.info
    assert (inside.memory_bytes(), (outside.memory_bytes() or 0) > 0) == (None, True)
    assert await _read(inside) == await _read(outside)
    with pytest.raises(EngineDied, match="closed"):
        await inside.encode(_jfk())


@pytest.mark.model
async def test_a_folder_that_cannot_be_loaded(tmp_path):
    with pytest.raises(ModelUnusable, match="cannot load"):
        await InProcessEngine.start(tmp_path, device="cpu")


@pytest.mark.parametrize(
    ("allowed", "index", "seen"),
    [("", "1", "1"), ("2,3", "1", "3"), ("GPU-a, GPU-b", "0", "GPU-a"), ("2", "1", "-1")],
)
def test_one_gpu_is_one_of_those_that_may_be_used(allowed, index, seen):
    assert one_gpu(index, {"CUDA_VISIBLE_DEVICES": allowed}) == {"CUDA_VISIBLE_DEVICES": seen}


def test_a_process_that_is_gone_takes_no_memory():
    assert resident_bytes(2**22 + 1) is None

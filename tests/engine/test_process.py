"""An engine in a process of its own, with real weights."""

from __future__ import annotations

import pytest

from auricle.engine.process import EngineProcess, cpu_s, one_gpu, resident_bytes
from auricle.engine.protocol import (
    AlignJob,
    DecodeJob,
    DecodeRow,
    EncodeJob,
    EncodeRow,
    Engine,
    EngineDied,
    Hypothesis,
    ReleaseJob,
)
from auricle.errors import AuricleError, ModelUnusable
from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.whisper import prompting
from auricle.whisper.vocabulary import Vocabulary
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words


def _jfk() -> EncodeJob:
    return EncodeJob((EncodeRow(1, read_wav(SAMPLES / "jfk.wav").tobytes()),), n_frames=1500)


async def _said(engine: Engine, vocabulary: Vocabulary) -> str:
    """What is said in a clip by an engine that is closed then."""
    row = DecodeRow(1, prompting.start(vocabulary, "transcribe", "en"))
    try:
        await engine.encode(_jfk())
        job = DecodeJob((row,), beam_size=1, temperature=0.0)
        [said] = [reply async for reply in engine.decode(job)]
        assert isinstance(said, Hypothesis)
        ids = tuple(i for i in said.ids if i < vocabulary.eot)
        align = AlignJob(1, row.prompt, ids, n_frames=1100)
        assert len((await engine.align(align)).probabilities) == len(ids)
        await engine.release(ReleaseJob((1,)))
        assert [reply async for reply in engine.decode(job)] == []
        with pytest.raises(AuricleError, match="KeyError"):
            await engine.align(align)
        return vocabulary.decode(said.ids)
    finally:
        await engine.close()


@pytest.mark.model
async def test_it_says_what_is_said_until_it_is_closed():
    checkpoint = locate("tiny.en", Settings())
    engine = await EngineProcess.start(checkpoint.path, device="cpu")
    assert (engine.memory_bytes() or 0) > 0
    assert (engine.cpu_s() or 0) > 0
    assert words(await _said(engine, checkpoint.vocabulary)) == JFK_WORDS
    with pytest.raises(EngineDied, match="not running"):
        await engine.encode(_jfk())


@pytest.mark.model
async def test_a_folder_that_cannot_be_loaded(tmp_path):
    """The reason is told to clients, too: it holds no path."""
    with pytest.raises(ModelUnusable, match="cannot load") as caught:
        await EngineProcess.start(tmp_path, device="cpu")
    assert str(tmp_path.parent) not in str(caught.value)


@pytest.mark.parametrize(
    ("allowed", "index", "seen"),
    [("", "1", "1"), ("2,3", "1", "3"), ("GPU-a, GPU-b", "0", "GPU-a"), ("2", "1", "-1")],
)
def test_one_gpu_is_one_of_those_that_may_be_used(allowed, index, seen):
    assert one_gpu(index, {"CUDA_VISIBLE_DEVICES": allowed}) == {"CUDA_VISIBLE_DEVICES": seen}


def test_a_process_that_is_gone_takes_no_memory():
    assert resident_bytes(2**22 + 1) is None
    assert cpu_s(2**22 + 1) is None

"""Real weights: text, times, language, prompts, batches, and a process that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from auricle.engine.ct2 import Whisper
from auricle.engine.process import EngineProcess, probe
from auricle.engine.protocol import (
    DecodeJob,
    DecodeRow,
    EncodeJob,
    EncodeRow,
    EngineDied,
    ReleaseJob,
    WindowText,
)
from auricle.errors import AuricleError, ModelUnusable
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words
from tests.engine.conftest import started

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = read_wav(SAMPLES / "jfk.wav")


async def _encode(engine, window_id, pcm=JFK, n_frames=2000, **fields):
    row = EncodeRow(window_id, np.ascontiguousarray(pcm).tobytes(), **fields)
    return (await engine.encode(EncodeJob((row,), n_frames))).windows[0]


def _row(window_id, pcm=JFK, start_s=0.0, language="en", task="transcribe"):
    return DecodeRow(window_id, start_s, len(pcm) / 16_000, language, task)


def _text(answer: WindowText) -> str:
    return "".join(segment.text for segment in answer.segments).strip()


async def test_english_model(tiny_engine: EngineProcess):
    assert (tiny_engine.info.languages, tiny_engine.info.multilingual) == (("en",), False)
    encoded = await _encode(tiny_engine, 1, n_frames=3000, detect_language=True)
    assert encoded.language is None
    answer = await tiny_engine.decode(DecodeJob((_row(1, start_s=100.0),), 5, 0.0))
    [text] = answer.windows
    assert words(_text(text)) == JFK_WORDS
    assert [(s.start_s, s.end_s, s.seek) for s in text.segments] == [
        (100.0, 108.0, 10_000),
        (108.0, 111.0, 10_000),
    ]
    assert -0.6 < text.avg_logprob < -0.1
    assert text.compression_ratio == pytest.approx(1.35, abs=0.02)
    assert text.resume_s is None


async def test_multilingual_model_detects_translates_and_heeds_the_prompt(
    base_engine: EngineProcess,
):
    spanish = read_wav(SAMPLES / "es.wav")
    encoded = await _encode(base_engine, 1, spanish, detect_language=True)
    assert encoded.language is not None
    assert encoded.language.code == "es"
    assert encoded.language.probability == pytest.approx(0.99, abs=0.02)
    row = _row(1, spanish, language="es")
    told = (await base_engine.decode(DecodeJob((row,), 5, 0.0))).windows[0]
    assert "Todas las grabaciones de LibriVox son del dominio público" in _text(told)
    row = _row(1, spanish, language="es", task="translate")
    english = (await base_engine.decode(DecodeJob((row,), 5, 0.0))).windows[0]
    assert "recordings" in _text(english).lower()

    prompted = await _encode(base_engine, 2, prompt="so my fellow-americans")
    assert prompted.n_prompt_tokens > 4
    hyphenated = (await base_engine.decode(DecodeJob((_row(2),), 5, 0.0))).windows[0]
    assert "my fellow-americans" in _text(hyphenated)


async def test_a_window_encoded_on_every_core_has_the_same_states(tiny: Whisper):
    assert tiny._wide is not tiny._model
    row = EncodeRow(1, JFK.tobytes())
    tiny.encode(EncodeJob((row,), 2000))
    shared = tiny._kept[1].states
    tiny.encode(EncodeJob((row,), 2000, is_alone=True))
    np.testing.assert_array_equal(tiny._kept[1].states, shared)


async def test_a_long_prompt_is_cut_from_the_left(tiny_engine: EngineProcess):
    encoded = await _encode(tiny_engine, 1, prompt="word " * 1000)
    assert encoded.n_prompt_tokens == 224
    answer = await tiny_engine.decode(DecodeJob((_row(1),), 1, 0.0))
    assert "country" in _text(answer.windows[0])


@pytest.mark.parametrize(("beam_size", "temperature"), [(1, 0.0), (5, 0.0), (1, 1.0)])
async def test_a_window_says_the_same_alone_and_in_company(
    tiny_engine: EngineProcess, beam_size, temperature
):
    """Above temperature 0 it said something else each time."""
    clips = [JFK, JFK[16_000:], JFK[: 6 * 16_000], np.roll(JFK, 8_000)]
    for n, pcm in enumerate(clips):
        await _encode(tiny_engine, n, pcm)
    rows = [_row(n, pcm) for n, pcm in enumerate(clips)]
    jobs = [DecodeJob((row,), beam_size, temperature) for row in rows]
    alone = [(await tiny_engine.decode(job)).windows[0] for job in jobs]
    job = DecodeJob(tuple(rows), beam_size, temperature)
    together = (await tiny_engine.decode(job)).windows
    assert [[s.tokens for s in text.segments] for text in together] == [
        [s.tokens for s in text.segments] for text in alone
    ]
    for one, other in zip(alone, together, strict=True):
        assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=1e-3)


async def test_a_short_context_costs_no_words_and_windows_may_be_encoded_together(
    tiny_engine: EngineProcess,
):
    rows = tuple(EncodeRow(n, JFK.tobytes()) for n in range(2))
    await tiny_engine.encode(EncodeJob(rows, n_frames=2250))
    answer = await tiny_engine.decode(DecodeJob((_row(0), _row(1)), 5, 0.0, max_new_tokens=120))
    assert [words(_text(text)) for text in answer.windows] == [JFK_WORDS] * 2
    assert [text.is_truncated for text in answer.windows] == [False] * 2
    cut = (await tiny_engine.decode(DecodeJob((_row(0),), 1, 0.0, max_new_tokens=10))).windows[0]
    assert cut.is_truncated
    assert len(cut.segments[0].tokens) == 10


async def test_released_states_are_gone_and_the_engine_lives_on(tiny_engine: EngineProcess):
    await _encode(tiny_engine, 1)
    await tiny_engine.release(ReleaseJob((1, 77)))
    with pytest.raises(AuricleError, match="KeyError"):
        await tiny_engine.decode(DecodeJob((_row(1),), 1, 0.0))
    await _encode(tiny_engine, 2)
    [text] = (await tiny_engine.decode(DecodeJob((_row(2),), 5, 0.0))).windows
    assert words(_text(text)) == JFK_WORDS


async def test_a_killed_process_is_noticed_by_every_waiting_job():
    engine = await started("tiny.en")
    jobs = [asyncio.create_task(_encode(engine, n)) for n in range(8)]
    os.kill(engine.pid, signal.SIGKILL)
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert {type(result) for result in results} <= {EngineDied, type(results[0])}
    assert isinstance(results[-1], EngineDied)
    assert "SIGKILL" in str(results[-1])
    with pytest.raises(EngineDied):
        await engine.release(ReleaseJob((1,)))
    await engine.close()


async def test_a_folder_that_cannot_be_loaded_names_the_file(tmp_path: Path):
    (tmp_path / "model.bin").write_bytes(b"nonsense")
    with pytest.raises(ModelUnusable, match=str(tmp_path)):
        await EngineProcess.start(tmp_path, device="cpu")


async def test_probe_tells_what_this_machine_can_do():
    hardware = await probe()
    assert "int8_float32" in hardware.cpu_compute_types

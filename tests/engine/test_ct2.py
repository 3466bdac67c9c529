"""Real weights: tokens, languages, prompts, batches, and a process that is killed."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from auricle.engine.ct2 import Whisper
from auricle.engine.process import EngineProcess, probe
from auricle.engine.protocol import (
    AlignJob,
    DecodeJob,
    DecodeRow,
    DetectJob,
    EncodeJob,
    EncodeRow,
    Engine,
    EngineDied,
    Hypothesis,
    ReleaseJob,
)
from auricle.errors import AuricleError, ModelUnusable
from auricle.types import Pcm
from auricle.whisper import prompting
from auricle.whisper.vocabulary import Vocabulary
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words
from tests.engine.conftest import started

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = read_wav(SAMPLES / "jfk.wav")
SPANISH = read_wav(SAMPLES / "es.wav")
BRIEF = {"max_new_tokens": 20}
"""What is drawn by chance ends nowhere."""


async def _encode(engine: Engine, state_id: int, pcm: Pcm = JFK, n_frames: int = 2000) -> None:
    row = EncodeRow(state_id, np.ascontiguousarray(pcm).tobytes())
    await engine.encode(EncodeJob((row,), n_frames))


def _row(vocabulary: Vocabulary, state_id: int, language: str = "en", **given) -> DecodeRow:
    return DecodeRow(state_id, prompting.start(vocabulary, "transcribe", language), **given)


async def _decode(engine: Engine, *rows: DecodeRow, **job) -> list[Hypothesis]:
    """In the order of the rows."""
    job = {"beam_size": 5, "temperature": 0.0, **job}
    replies = [reply async for reply in engine.decode(DecodeJob(rows, **job))]
    found = {reply.state_id: reply for reply in replies if isinstance(reply, Hypothesis)}
    return [found[row.state_id] for row in rows]


async def test_english_model(tiny_engine: EngineProcess, tiny_vocabulary: Vocabulary):
    await _encode(tiny_engine, 1, n_frames=3000)
    [said] = await _decode(tiny_engine, _row(tiny_vocabulary, 1))
    assert words(tiny_vocabulary.decode(said.ids)) == JFK_WORDS
    timestamps = [i for i in said.ids if i >= tiny_vocabulary.first_timestamp]
    first = tiny_vocabulary.first_timestamp
    assert [(i - first) * 0.02 for i in timestamps] == pytest.approx([0, 8, 8, 11], abs=0.3)
    assert -0.6 < said.avg_logprob < -0.1
    assert said.no_speech_prob < 0.1


async def test_multilingual_model(base_engine: EngineProcess, base_vocabulary: Vocabulary):
    await _encode(base_engine, 1, SPANISH)
    found = (await base_engine.detect_language(DetectJob(1))).languages
    tokens, probabilities = zip(*found, strict=True)
    assert (tokens[0], len(set(tokens))) == ("<|es|>", 99)
    assert probabilities[0] == pytest.approx(0.99, abs=0.02)
    assert sum(probabilities) == pytest.approx(1.0, abs=0.01)
    assert sorted(probabilities, reverse=True) == list(probabilities)
    [said] = await _decode(base_engine, _row(base_vocabulary, 1, "es"))
    text = base_vocabulary.decode(said.ids)
    assert "Todas las grabaciones de LibriVox son del dominio público" in text


async def test_a_window_encoded_on_every_core_has_the_same_states(tiny: Whisper):
    assert tiny._wide is not tiny._model
    row = EncodeRow(1, JFK.tobytes())
    tiny.encode(EncodeJob((row,), 2000))
    shared = tiny._states[1]
    tiny.encode(EncodeJob((row,), 2000, is_alone=True))
    np.testing.assert_array_equal(tiny._states[1], shared)


@pytest.mark.parametrize(("beam_size", "temperature"), [(1, 0.0), (5, 0.0), (1, 1.0)])
async def test_a_window_says_the_same_alone_and_in_company(
    tiny_engine: EngineProcess, tiny_vocabulary: Vocabulary, beam_size, temperature
):
    """Above temperature 0 it said something else each time."""
    clips = [JFK, JFK[16_000:], JFK[: 6 * 16_000], np.roll(JFK, 8_000)]
    for n, pcm in enumerate(clips):
        await _encode(tiny_engine, n, pcm)
    rows = [_row(tiny_vocabulary, n, seed=n) for n in range(len(clips))]
    search = {"beam_size": beam_size, "temperature": temperature, **BRIEF}
    alone = [(await _decode(tiny_engine, row, **search))[0] for row in rows]
    together = await _decode(tiny_engine, *rows, **search)
    assert [said.ids for said in together] == [said.ids for said in alone]
    for one, other in zip(alone, together, strict=True):
        assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=1e-3)


async def test_chance_is_drawn_from_the_seed(
    tiny_engine: EngineProcess, tiny_vocabulary: Vocabulary
):
    await _encode(tiny_engine, 1)
    rows = [_row(tiny_vocabulary, 1, seed=seed) for seed in range(3)]
    search = {"beam_size": 1, "temperature": 1.0, **BRIEF}
    first, again = [
        [(await _decode(tiny_engine, row, **search))[0] for row in rows] for _ in range(2)
    ]
    assert again == first
    assert len({said.avg_logprob for said in first}) == len(rows)


async def test_a_short_context_costs_no_words_and_windows_may_be_encoded_together(
    tiny_engine: EngineProcess, tiny_vocabulary: Vocabulary
):
    rows = tuple(EncodeRow(n, JFK.tobytes()) for n in range(2))
    await tiny_engine.encode(EncodeJob(rows, n_frames=2250))
    asked = [_row(tiny_vocabulary, n) for n in range(2)]
    said = await _decode(tiny_engine, *asked, max_new_tokens=120)
    assert [words(tiny_vocabulary.decode(each.ids)) for each in said] == [JFK_WORDS] * 2
    [cut] = await _decode(tiny_engine, asked[0], beam_size=1, max_new_tokens=10)
    assert len(cut.ids) == 10


async def test_a_long_prompt_leaves_room_for_the_text(
    tiny_engine: EngineProcess, tiny_vocabulary: Vocabulary
):
    await _encode(tiny_engine, 1)
    told = prompting.context(tiny_vocabulary, "word " * 1000, ())
    assert len(told) == 224
    row = DecodeRow(1, (*told, *prompting.start(tiny_vocabulary, "transcribe", "en")))
    [said] = await _decode(tiny_engine, row, beam_size=1)
    assert "country" in tiny_vocabulary.decode(said.ids)
    [limited] = await _decode(tiny_engine, row, beam_size=1, max_new_tokens=12)
    assert limited.ids == said.ids[:12]


async def test_tokens_are_aligned_with_the_audio(
    tiny_engine: EngineProcess, tiny_vocabulary: Vocabulary
):
    await _encode(tiny_engine, 1)
    row = _row(tiny_vocabulary, 1)
    [said] = await _decode(tiny_engine, row)
    ids = tuple(i for i in said.ids if i < tiny_vocabulary.eot)
    aligned = await tiny_engine.align(AlignJob(1, row.prompt, ids, n_frames=1100))
    assert [step[0] for step in aligned.path] == sorted(step[0] for step in aligned.path)
    assert {step[0] for step in aligned.path} == set(range(len(ids) + 1))
    assert max(step[1] for step in aligned.path) < 550
    assert len(aligned.probabilities) == len(ids)


async def test_released_states_are_gone_and_the_engine_lives_on(
    tiny_engine: EngineProcess, tiny_vocabulary: Vocabulary
):
    await _encode(tiny_engine, 1)
    await tiny_engine.release(ReleaseJob((1, 77)))
    row = _row(tiny_vocabulary, 1)
    replies = [each async for each in tiny_engine.decode(DecodeJob((row,), 1, 0.0))]
    assert replies == []
    with pytest.raises(AuricleError, match="KeyError"):
        await tiny_engine.align(AlignJob(1, row.prompt, (11,), 100))
    await _encode(tiny_engine, 2)
    [said] = await _decode(tiny_engine, _row(tiny_vocabulary, 2))
    assert words(tiny_vocabulary.decode(said.ids)) == JFK_WORDS


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
    with pytest.raises(EngineDied):
        async for _ in engine.decode(DecodeJob((DecodeRow(1, (1,)),), 1, 0.0)):
            pass
    await engine.close()


async def test_a_folder_that_cannot_be_loaded_is_named_without_its_path(tmp_path: Path):
    """Clients are told, too."""
    (tmp_path / "model.bin").write_bytes(b"nonsense")
    with pytest.raises(ModelUnusable, match=f"cannot load {tmp_path.name} on cpu") as caught:
        await EngineProcess.start(tmp_path, device="cpu")
    assert str(tmp_path) not in str(caught.value)


async def test_probe_tells_what_this_machine_can_do():
    hardware = await probe()
    assert "int8_float32" in hardware.cpu_compute_types


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="system calls are filtered on Linux alone",
)
async def test_a_loaded_engine_has_given_up_the_network_and_other_processes(
    tiny_engine: EngineProcess,
):
    await _encode(tiny_engine, 8)
    assert b"Seccomp:\t2\n" in _of_process(tiny_engine.pid, "status")
    environment = _of_process(tiny_engine.pid, "environ")
    assert b"PATH=" in environment
    assert b"PYTEST_CURRENT_TEST" not in environment


def _of_process(pid: int, what: str) -> bytes:
    return Path(f"/proc/{pid}/{what}").read_bytes()

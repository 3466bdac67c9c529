"""Engines with OpenVINO in processes and threads, and what becomes of windows when one fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("openvino")

from auricle.config import Settings
from auricle.engine.model import Library
from auricle.engine.process import EngineProcess
from auricle.engine.protocol import (
    DecodeJob,
    DecodeRow,
    EncodeJob,
    EncodeRow,
    Engine,
    EngineDied,
    Hypothesis,
)
from auricle.engine.replicas import MeasuredEngine
from auricle.models.checkpoint import Checkpoint
from auricle.models.fetch import FetchOptions, locate
from auricle.runtime import Runtime
from auricle.transcribe import collect
from auricle.types import DecodeOptions
from auricle.whisper import prompting
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words

pytestmark = pytest.mark.model

JFK = read_wav(SAMPLES / "jfk.wav")
TINY = locate("tiny.en", Settings())
ROW = DecodeRow(1, prompting.start(TINY.vocabulary, "transcribe", "en"))
OPENVINO = Library("openvino", FetchOptions.of(Settings()).cache / "graphs")


async def said(engine: Engine) -> str:
    await engine.encode(EncodeJob((EncodeRow(1, JFK.tobytes()),), n_frames=1500))
    replies = [each async for each in engine.decode(DecodeJob((ROW,), 1, 0.0))]
    assert [type(each) for each in replies] == [Hypothesis]
    return words(TINY.vocabulary.decode(replies[0].ids))


async def test_a_process_answers_and_says_when_it_was_killed():
    engine = await EngineProcess.start(TINY.path, device="cpu", library=OPENVINO)
    assert (engine.info.library, engine.died) == ("openvino", False)
    assert await said(engine) == JFK_WORDS
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineDied, match="SIGKILL"):
        await said(engine)
    assert engine.died
    await engine.close()


def test_a_process_that_computes_no_numbers_ends_at_once():
    """Whatever else it holds is not to be trusted either."""
    script = """if True:
        from types import SimpleNamespace
        from auricle.decoding.network import NetworkFailed
        from auricle.engine.protocol import DecodeJob
        from auricle.engine.worker import Worker

        class Broken:
            def decode(self, job):
                raise NetworkFailed("the decoder's logits are not numbers")

        call = SimpleNamespace(request=DecodeJob((), 1, 0.0), request_id="", is_cancelled=False)
        worker = Worker([call])
        worker._model = Broken()
        worker.run()
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (70, "")
    assert "the decoder's logits are not numbers" in done.stderr


class WatchedRuntime(Runtime):
    """Remembers its engines."""

    engines: list[EngineProcess]

    async def start_engine(self, checkpoint: Checkpoint) -> MeasuredEngine:
        engine = await super().start_engine(checkpoint)
        assert isinstance(engine, EngineProcess)
        self.engines.append(engine)
        return engine


async def test_a_server_whose_engine_is_killed_reads_on_with_the_other_library():
    runtime = WatchedRuntime(Settings(model="tiny.en", engine="openvino"))
    runtime.engines = []
    await runtime.start()
    try:
        assert (runtime.state, runtime.engines[0].info.library) == ("ready", "openvino")
        os.kill(runtime.engines[0].pid, signal.SIGKILL)
        async with runtime.open(SAMPLES / "jfk.wav", DecodeOptions(beam_size=1)) as transcription:
            transcript = await collect(transcription)
        assert words(transcript.text) == JFK_WORDS
        assert [engine.info.library for engine in runtime.engines] == ["openvino", "ctranslate2"]
    finally:
        await runtime.stop()

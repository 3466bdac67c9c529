"""Engines with OpenVINO in processes and threads, and what becomes of windows when one fails."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator

import msgspec
import pytest

pytest.importorskip("openvino")

from auricle.engine.model import Library
from auricle.engine.process import EngineProcess
from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    DecodeRow,
    Detected,
    DetectJob,
    EncodeJob,
    EncodeRow,
    Engine,
    EngineDied,
    Hypothesis,
    ReleaseJob,
    Tokens,
)
from auricle.engine.replicas import MeasuredEngine
from auricle.models.checkpoint import Checkpoint
from auricle.models.fetch import FetchOptions, locate
from auricle.output.formats import Style, Usage
from auricle.runtime import Runtime
from auricle.server.dialects.openai_events import GrowingText
from auricle.settings.config import Settings
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


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("NetworkFailed('logits are not numbers')", "logits are not numbers"),
        ("MemoryError()", "no memory"),
    ],
)
def test_a_process_that_computes_no_numbers_ends_at_once(error, says):
    """Whatever else it holds is not to be trusted either, and without memory it is of no use."""
    script = f"""if True:
        from types import SimpleNamespace
        from auricle.decoding.network import NetworkFailed
        from auricle.engine.protocol import DecodeJob
        from auricle.engine.worker import Worker

        class Broken:
            def decode(self, job, stepped):
                raise {error}

        call = SimpleNamespace(request=DecodeJob((), 1, 0.0), request_id="", is_cancelled=False)
        call.part = call.reply = print
        worker = Worker([call])
        worker._model = Broken()
        worker.run()
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (70, "")
    assert says in done.stderr


class Mortal:
    """An engine process that is killed while it does the job of one name."""

    def __init__(self, inner: EngineProcess, dies_at: str) -> None:
        self.inner, self.info, self.dies_at = inner, inner.info, dies_at
        self.is_armed = False

    async def encode(self, job: EncodeJob) -> None:
        self._reached("encode")
        await self.inner.encode(job)

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        self._reached("decode")
        async for reply in self.inner.decode(job):
            yield reply

    async def align(self, job: AlignJob) -> Aligned:
        self._reached("align")
        return await self.inner.align(job)

    async def detect_language(self, job: DetectJob) -> Detected:
        return await self.inner.detect_language(job)

    async def release(self, job: ReleaseJob) -> None:
        await self.inner.release(job)

    async def close(self) -> None:
        await self.inner.close()

    def memory_bytes(self) -> int | None:
        return self.inner.memory_bytes()

    def _reached(self, name: str) -> None:
        if self.is_armed and name == self.dies_at:
            loop = asyncio.get_running_loop()
            loop.call_soon(os.kill, self.inner.pid, signal.SIGKILL)  # it is on its way then


class MortalRuntime(Runtime):
    """Its first engine dies."""

    engines: list[Mortal]
    dies_at: str

    async def start_engine(self, checkpoint: Checkpoint) -> MeasuredEngine:
        inner = await super().start_engine(checkpoint)
        assert isinstance(inner, EngineProcess)
        self.engines.append(Mortal(inner, self.dies_at))
        return self.engines[-1]


@pytest.mark.parametrize("dies_at", ["encode", "decode", "align"])
async def test_a_server_whose_engine_is_killed_reads_on_with_the_other_library(dies_at):
    runtime = MortalRuntime(Settings(model="tiny.en", engine="openvino"))
    runtime.engines, runtime.dies_at = [], dies_at
    await runtime.start()
    try:
        assert (runtime.state, runtime.engines[0].info.library) == ("ready", "openvino")
        runtime.engines[0].is_armed = True
        # word times need no call of their own but behind a prefix
        prefix = "And so" if dies_at == "align" else None
        options = DecodeOptions(beam_size=1, words=True, logprobs=True, prefix=prefix)
        growing = GrowingText(Style(words=True, logprobs=True))
        async with runtime.open(SAMPLES / "jfk.wav", options) as transcription:
            read = [part async for part, _ in transcription.parts(early=True) if part is not None]
        deltas = [delta for part in read if (delta := growing.append(part)) is not None]
        done, *sent = (msgspec.to_builtins(each) for each in (growing.done(Usage(1)), *deltas))
        assert words(done["text"]) == JFK_WORDS
        assert "".join(each["delta"] for each in sent) == done["text"]
        for figures in ("words", "logprobs"):
            assert [each for delta in sent for each in delta[figures]] == list(done[figures])
        assert "".join(each["token"] for each in done["logprobs"]).strip() == done["text"]
        assert [engine.info.library for engine in runtime.engines] == ["openvino", "ctranslate2"]
        assert runtime.engines[0].inner.died
    finally:
        await runtime.stop()

"""The runtime finds models by name and says how they are; its engines are fakes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auricle import model_control
from auricle.engine.replicas import MeasuredEngine
from auricle.errors import (
    DownloadFailed,
    Forbidden,
    InvalidRequest,
    ModelNotFound,
    ModelUnusable,
    Unavailable,
)
from auricle.grants import EVERYTHING, Grant
from auricle.hosting import engines
from auricle.hosting.speaker_host import SpeakerHost
from auricle.models.checkpoint import Checkpoint
from auricle.models.fetch import FetchOptions
from auricle.runtime import Runtime
from auricle.settings.config import Settings
from auricle.speech_runtime import ModelStatus
from auricle.transcribe import Transcription
from auricle.types import DecodeOptions, SpeakerOptions
from tests.fakes import window
from tests.hosting.fakes import Engines, checkpoint
from tests.hosting.test_speaker_host import Processes, put
from tests.models.fake_hub import Recorder
from tests.queue.test_queue import read_window
from tests.waiting import until


class FakeFiles:
    """A catalog whose models are names: ``here`` are on this machine."""

    def __init__(self, *here: str) -> None:
        self.here = here
        self.failure: Exception | None = None

    def find_default(self, device: str) -> Checkpoint:
        if self.failure is not None:
            raise self.failure
        return checkpoint("base")

    async def names(self) -> list[str]:
        return list(self.here)

    async def lookup(self, name: str, asked: str):
        if name not in self.here:
            raise ModelNotFound(f"No {asked}.", code="model_not_found")
        return name, lambda: checkpoint(name)


class SmallForBob:
    """Lets one client use one model alone."""

    def grant_of(self, client: str) -> Grant:
        return Grant(models=("Systran/faster-whisper-small",)) if client == "bob" else EVERYTHING

    def is_let_in(self, client: str) -> bool:
        return True


class FakedRuntime(Runtime):
    def __init__(self, files: FakeFiles, settings: Settings, folder: Path) -> None:
        fetching = FetchOptions(cache=folder, environ={})
        super().__init__(settings, fetching=fetching, grants=SmallForBob())
        self._catalog = files  # type: ignore[assignment]  # has what the runtime uses of it
        self._names.catalog = self._catalog
        self._models._estimate = lambda _: 1  # there is no file to measure
        self._decoders._n_kept = 0  # one starts when a test has a recording for it
        self.engines = Engines()

    async def start_engine(self, checkpoint: Checkpoint) -> MeasuredEngine:
        return await self.engines.start(checkpoint)


@contextlib.asynccontextmanager
async def _started(
    folder: Path, files: FakeFiles | None = None, **settings: object
) -> AsyncIterator[FakedRuntime]:
    given: dict[str, object] = {"device": "cpu", "memory_mb": 1000, **settings}
    runtime = FakedRuntime(
        files or FakeFiles("base", "small"),
        Settings(**given),  # type: ignore[arg-type]  # a table of settings has no one type
        folder,
    )
    try:
        await runtime.start()
        await runtime.settled()
        yield runtime
    finally:
        await runtime.stop()


READY = ("en", "de")

EMPTY_WAV = (
    b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80>\x00\x00\x00}\x00\x00"
    b"\x02\x00\x10\x00data\x00\x00\x00\x00"
)
"""16 kHz mono of 16 bits, without a sample."""


async def test_the_list_and_its_states(tmp_path: Path):
    async with _started(tmp_path) as runtime:
        size = 100 * 1024 * 1024
        base = ModelStatus("base", "ready", None, size, 0, 0, "cpu", "int8", READY, 0.0)
        assert await runtime.statuses() == [
            base,
            ModelStatus("small", "unloaded", languages=model_control.languages("small")),
        ]
        assert await runtime.load("small") == ModelStatus(
            "small", "ready", None, size, 0, 0, "cpu", "int8", READY, 0.0
        )
        assert runtime.loaded == ["base", "small"]
        await runtime.unload("whisper-1")
        assert (runtime.loaded, runtime.state) == (["small"], "ready")
        assert await runtime.status("base") == ModelStatus("base", "unloaded", languages=READY)


async def test_names_of_the_model_it_was_started_with(tmp_path: Path):
    names = ("", "whisper-1", "auto", "base", "Systran/faster-whisper-base", "gpt-4o-transcribe")
    async with _started(tmp_path, load_on_request=False) as runtime:
        meant = {name: (await runtime.status(name)).name for name in names}
    assert meant == dict.fromkeys(names, "base")


async def test_aliases_of_the_operator(tmp_path: Path):
    aliases = ("whisper-large-v3=default", "Mine=small", "gone=medium")
    async with _started(tmp_path, model_aliases=aliases) as runtime:
        assert (await runtime.status("whisper-large-v3")).name == "base"
        assert (await runtime.load("mine")).name == "small"
        assert (await runtime.find("MINE")).name == "small"
        with pytest.raises(ModelNotFound) as caught:
            await runtime.find("gone")
        assert caught.value.message == (
            "No gone. This server has `base`, `small`; `whisper-1` stands for `base`."
        )


async def test_unknown_models_are_answered_by_the_default_where_that_is_wanted(tmp_path: Path):
    async with _started(tmp_path, unknown_models="default") as runtime:
        names = ("voxtral-mini-latest", "whisper-large-v3", "distil-whisper-large-v3-en")
        found = [(await runtime.status(name)).name for name in (*names, "small")]
        assert found == ["base", "base", "base", "small"]
        with pytest.raises(ModelNotFound, match=r"No voxtral-mini-latest\."):
            await runtime.load("voxtral-mini-latest")


async def test_others_must_be_loaded_by_hand_where_requests_may_not(tmp_path: Path):
    async with _started(tmp_path, load_on_request=False) as runtime:
        with pytest.raises(ModelNotFound) as caught:
            await runtime.find("small")
        assert caught.value.message == (
            "The model `small` is not served here. Its operator can load others, or let requests "
            "do it with the setting load_on_request. This server has `base`, `small`; `whisper-1` "
            "stands for `base`."
        )
        await runtime.load("small")
        assert (await runtime.find("small")).name == "small"
        with pytest.raises(ModelNotFound, match=r"No medium\."):
            await runtime.load("medium")


async def test_a_model_that_was_not_to_be_had_is_tried_again(tmp_path: Path):
    files = FakeFiles()
    files.failure = DownloadFailed("the hub did not answer")
    async with _started(tmp_path, files) as runtime:
        assert (runtime.state, runtime.failure) == ("failed", files.failure)
        runtime.check_room()  # refuses nothing: the next request is to try it again
        with pytest.raises(Unavailable, match="the hub did not answer"):
            await runtime.load("")
        files.failure = None
        await runtime.load("")
        assert (runtime.state, runtime.failure) == ("ready", None)


async def test_what_it_cannot_start_with(tmp_path: Path):
    async with _started(tmp_path, devices=("cpu", "cuda:0")) as runtime:
        assert (runtime.state, str(runtime.failure)[-15:]) == ("failed", "; name one kind")
        with pytest.raises(Unavailable, match="could not be started: the setting devices"):
            runtime.check_room()


async def test_a_start_that_the_system_had_no_room_for_is_tried_again(tmp_path, monkeypatch):
    """It was refused for good: whoever wanted the server back had to start it anew."""
    reasons: list[Exception] = [Unavailable("no process"), ZeroDivisionError("a bug")]

    async def choose_device(_: Settings) -> str:
        if reasons:
            raise reasons.pop(0)
        return "cpu"

    monkeypatch.setattr(engines, "choose_device", choose_device)
    async with _started(tmp_path) as runtime:
        assert (runtime.state, str(runtime.failure)) == ("failed", "no process")
        for reason in ("no process", "ZeroDivisionError: a bug"):
            with pytest.raises(Unavailable) as caught:
                runtime.check_room()
            assert caught.value.message == f"the server could not be started: {reason}"
            assert caught.value.retry_after_s == 5
            assert runtime.state == "starting"
            await until(lambda: runtime.state != "starting")
        assert (runtime.state, runtime.failure) == ("ready", None)
        runtime.check_room()


async def test_a_model_that_breaks_its_reader_leaves_no_server_starting(tmp_path, caplog):
    """A config.json nested too deeply did: starting for ever, and nothing in the log."""
    files = FakeFiles()
    files.failure = RecursionError("too deep")
    async with _started(tmp_path, files) as runtime:
        assert (runtime.state, str(runtime.failure)) == ("failed", "RecursionError: too deep")
        assert "auto: RecursionError: too deep" in caplog.text
        assert "Traceback" in caplog.text
        files.failure = None
        await runtime.load("")
        assert (runtime.state, runtime.failure) == ("ready", None)


async def test_before_and_after(tmp_path: Path):
    async with _started(tmp_path) as runtime:
        runtime.check_room()
    assert runtime.state == "stopping"
    with pytest.raises(Unavailable) as caught:
        runtime.check_room()
    assert caught.value.code == "server_stopping"


async def test_an_engine_that_fails_to_load_is_the_models_failure(tmp_path: Path):
    async with _started(tmp_path) as runtime:
        runtime.engines.failures = [ModelUnusable("torn")]
        answers = await asyncio.gather(
            runtime.load("small"), runtime.load("small"), return_exceptions=True
        )
        assert [str(each) for each in answers] == [
            "the model `small` could not be loaded: torn"
        ] * 2
        status = await runtime.status("small")
        assert (status.state, status.failure, runtime.state) == ("failed", "torn", "ready")


async def test_an_engine_that_cannot_be_replaced_is_told_until_it_can(tmp_path: Path):
    """An OSError when it was started anew left every request waiting, and /health good."""
    async with _started(tmp_path) as runtime:
        queue = runtime._default.reader.queue
        [(_, engine)] = runtime.engines.started
        runtime.engines.failures = [OSError(24, "Too many open files")]
        engine.die()
        with queue.admit() as admission:
            with pytest.raises(Unavailable, match="Too many open files"):
                await read_window(queue, admission, window())
            said = "OSError: [Errno 24] Too many open files"
            assert (runtime.state, str(runtime.failure)) == ("failed", said)
            assert (await runtime.status("base")).failure == said
            runtime.check_room()  # refuses nothing: the next request is to try it again
            assert await read_window(queue, admission, window()) == " en 0"
        assert (runtime.state, runtime.failure) == ("ready", None)


CERTAIN: dict[DecodeOptions, str | None] = {
    DecodeOptions(): "de",
    DecodeOptions(language="en"): "en",
    DecodeOptions(languages=("en", "de")): None,
    DecodeOptions(languages=("en",)): "en",
    DecodeOptions(language_detection="window"): None,
}
UNKNOWN = {
    DecodeOptions(language="yue"): "language",
    DecodeOptions(languages=("de", "yue")): "languages",
}


async def test_which_language_is_certain_and_which_unknown(tmp_path: Path):
    recording = tmp_path / "empty.wav"
    recording.write_bytes(EMPTY_WAV)
    async with _started(tmp_path, language="German") as runtime:
        runtime._decoders._n_kept = 1
        for asked, language in CERTAIN.items():
            async with runtime.open(recording, asked) as transcription:
                assert isinstance(transcription, Transcription)
                assert transcription.options.language == language
        for asked, param in UNKNOWN.items():
            with pytest.raises(InvalidRequest) as caught:
                async with runtime.open(recording, asked):
                    pass
            assert (caught.value.message, caught.value.param, caught.value.code) == (
                "Invalid language 'yue': the model 'base' knows en, de.",
                param,
                "unsupported_language",
            )


async def test_a_client_uses_the_models_it_may_use(tmp_path: Path):
    async with _started(tmp_path) as runtime:
        assert (await runtime._names.granted("bob", "small")).name == "small"
        assert await runtime.find("whisper-1") is await runtime._names.granted("ann", "base")
        asked = (
            runtime._names.granted("bob", "whisper-1"),
            runtime.load("base", "bob"),
            runtime.unload("base", "bob"),
        )
        for asking in asked:
            with pytest.raises(Forbidden) as caught:
                await asking
            assert (caught.value.code, caught.value.param) == ("model_not_allowed", "model")
        assert runtime.loaded == ["base"]
        recording = tmp_path / "a.wav"
        recording.write_bytes(EMPTY_WAV)
        with pytest.raises(Forbidden):
            async with runtime.open(recording, DecodeOptions(), "bob", "base"):
                pass


async def test_what_tells_speakers_apart_is_a_model_of_its_own(tmp_path: Path):
    async with _started(tmp_path) as runtime:
        runtime._control._speakers = runtime._speakers = SpeakerHost(
            FetchOptions(cache=tmp_path, environ={}), Recorder(), start=Processes().start
        )
        put(tmp_path)
        assert await runtime.status("speakers") == ModelStatus("speakers", "unloaded")
        loaded = await runtime.load("Speakers")
        assert (loaded.name, loaded.state, loaded.device) == ("speakers", "ready", "cpu")
        await runtime.load_speakers()
        assert await runtime.unload("speakers") == ModelStatus("speakers", "unloaded")
        assert [each.name for each in await runtime.statuses()] == ["base", "small"]


async def test_speakers_that_cannot_be_told_apart_are_said_before_anything_is_read(tmp_path: Path):
    recording = tmp_path / "empty.wav"
    recording.write_bytes(EMPTY_WAV)
    async with _started(tmp_path) as runtime:
        runtime._speakers = SpeakerHost(
            FetchOptions(cache=tmp_path, offline=True, environ={}), start=Processes().start
        )
        with pytest.raises(ModelNotFound, match="'auricle models download speakers'"):
            async with runtime.open(recording, DecodeOptions(speakers=SpeakerOptions())):
                pass


@pytest.mark.parametrize(
    ("name", "n", "last"), [("tiny.en", 1, "en"), ("small", 99, "su"), ("large-v3", 100, "yue")]
)
def test_languages_of_a_known_model_are_told_without_its_files(name: str, n: int, last: str):
    """Without them, a page could not offer those of a model that is not loaded."""
    known = model_control.languages(name)
    assert known is not None
    assert (len(known), known[0], known[-1]) == (n, "en", last)
    assert model_control.languages("owner/name") is None

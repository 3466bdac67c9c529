"""Many recordings at a time: order of the output, files, failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import msgspec
import pytest

from auricle.cli import batch
from auricle.cli.inputs import Input
from auricle.cli.output import Files, Printer
from auricle.errors import AuricleError, BadMedia, ModelUnusable, Unavailable
from auricle.jobs.resuming import resuming
from auricle.output.formats import Style
from auricle.reading.ledger import Ledger
from auricle.reading.reader import Reading
from auricle.runtime import Runtime
from auricle.settings.config import Settings
from auricle.types import AudioTrack, DecodeOptions, Language, Segment, SpeakerOptions, Transcript
from tests.fakes import window


def segment(start_s: float, text: str) -> Segment:
    return Segment(start_s, start_s + 1, text, (), 0.0, -0.2, 1.0, 0.0)


@dataclass
class FakeTranscription:
    """Segments of one recording; ``BadMedia`` where the text says so."""

    texts: list[str]
    after: asyncio.Event | None = None
    task: str = "transcribe"
    language: Language = field(default_factory=lambda: Language("en"))
    duration_s: float = 3.0
    track: AudioTrack | None = None
    warnings: tuple[str, ...] = ()
    speakers: None = None

    async def __aiter__(self) -> AsyncIterator[Segment]:
        if self.after is not None:
            await self.after.wait()
        for i, text in enumerate(self.texts):
            if text == "broken":
                raise BadMedia("the file is broken")
            if text == "a bug":
                raise ZeroDivisionError("division by zero")
            yield segment(float(i), text)


class FakeRuntime:
    """Recordings by file name; says what was opened and whether it was stopped."""

    def __init__(self, recordings: dict[str, FakeTranscription], failure=None) -> None:
        self.recordings = recordings
        self.failure: AuricleError | None = failure
        self.calls: list[str] = []
        self.options: set[DecodeOptions] = set()

    async def start(self) -> None:
        self.calls.append("start")

    async def load_speakers(self) -> None:
        self.calls.append("load speakers")

    async def stop(self) -> None:
        self.calls.append("stop")

    @asynccontextmanager
    async def open(self, path: Path, options: DecodeOptions) -> AsyncIterator[FakeTranscription]:
        self.calls.append(path.name)
        self.options.add(options)
        yield self.recordings[path.name]
        for recording in self.recordings.values():
            if recording.after is not None and path.name == "last":
                recording.after.set()


@pytest.fixture
def found(tmp_path: Path) -> list[Input]:
    for name in ("one", "two", "last"):
        (tmp_path / name).write_bytes(b"")
    return [Input(tmp_path / name, name, Path(name)) for name in ("one", "two", "last")]


async def run(
    fake: FakeRuntime, found: list[Input], output, options: DecodeOptions | None = None
) -> int:
    return await batch.run(cast(Runtime, fake), found, options or DecodeOptions(), output)


async def test_text_of_one_recording_is_only_its_text(found, capfd):
    fake = FakeRuntime({"one": FakeTranscription([" Hello", " world."])})
    options = DecodeOptions(language="en", beam_size=1)
    assert await run(fake, found[:1], Printer(["one"], Style("text"), live=False), options) == 0
    assert capfd.readouterr() == ("Hello world.\n", "")
    assert (fake.calls, fake.options) == (["start", "one", "stop"], {options})


async def test_output_keeps_the_order_of_the_arguments(found, capfd):
    """The first recording ends after the last: what came earlier waits for it."""
    fake = FakeRuntime(
        {
            "one": FakeTranscription([" First."], after=asyncio.Event()),
            "two": FakeTranscription([" Second."]),
            "last": FakeTranscription([]),
        }
    )
    assert await run(fake, found, Printer(["one", "two", "last"], Style("text"), live=False)) == 0
    expected = "==> one <==\nFirst.\n\n==> two <==\nSecond.\n\n==> last <==\n\n"
    assert capfd.readouterr().out == expected


async def test_live_output_has_a_line_for_each_segment(found, capfd):
    fake = FakeRuntime(
        {
            "one": FakeTranscription([" First", " line.", " "], after=asyncio.Event()),
            "two": FakeTranscription([" Second."]),
            "last": FakeTranscription([]),
        }
    )
    assert await run(fake, found, Printer(["one", "two", "last"], Style("text"), live=True)) == 0
    expected = "==> one <==\nFirst\nline.\n\n==> two <==\nSecond.\n\n==> last <==\n\n"
    assert capfd.readouterr().out == expected


async def test_what_could_not_be_read_and_which_track_was_is_said(found, capfd):
    fake = FakeRuntime(
        {
            "one": FakeTranscription([" First."], track=AudioTrack(1, 2, "de")),
            "two": FakeTranscription([" Second."], warnings=("1.0 s are damaged.",)),
            "last": FakeTranscription([" Last."], track=AudioTrack(1, 1, "de")),
        }
    )
    assert await run(fake, found, Printer(["one", "two", "last"], Style("text"), live=False)) == 0
    shown = capfd.readouterr()
    assert shown.out.count("\n\n") == 2
    assert shown.err.splitlines() == [
        "auricle: one: read audio track 1 of 2 (german); --audio-track picks another",
        "auricle: two: warning: 1.0 s are damaged.",
    ]


async def test_a_recording_that_fails_leaves_the_others_alone(found, capfd):
    fake = FakeRuntime(
        {
            "one": FakeTranscription([" Lost.", "broken"]),
            "two": FakeTranscription([" Second."]),
            "last": FakeTranscription([" Third."]),
        }
    )
    found[1].path.unlink()
    assert await run(fake, found, Printer(["one", "two", "last"], Style("text"), live=False)) == 1
    out, err = capfd.readouterr()
    assert out == "==> last <==\nThird.\n"
    assert sorted(err.splitlines()) == [
        "auricle: error: one: the file is broken",
        "auricle: error: two: no such file",
    ]


async def test_an_error_nobody_expected_is_that_recordings_own(found, capfd):
    """It ended the run, and all recordings with it, in a traceback."""
    fake = FakeRuntime(
        {
            "one": FakeTranscription(["a bug"]),
            "two": FakeTranscription([" Second."]),
            "last": FakeTranscription([" Third."]),
        }
    )
    assert await run(fake, found, Printer(["one", "two", "last"], Style("text"), live=False)) == 1
    assert capfd.readouterr() == (
        "==> two <==\nSecond.\n\n==> last <==\nThird.\n",
        "auricle: error: one: ZeroDivisionError: division by zero\n",
    )


async def test_the_run_ends_when_nobody_reads_its_output(found):
    class Closed(Printer):
        def finish(self, index: int, transcript: Transcript | None) -> None:
            raise BrokenPipeError

    fake = FakeRuntime(
        {
            "one": FakeTranscription([" First."]),
            "two": FakeTranscription([" Never."], after=asyncio.Event()),
            "last": FakeTranscription([]),
        }
    )
    with pytest.raises(BrokenPipeError):
        await run(fake, found, Closed(["one", "two", "last"], Style("text"), live=False))
    assert fake.calls == ["start", "one", "two", "stop"]


async def test_each_recording_becomes_a_file(found, tmp_path, capfd):
    fake = FakeRuntime(
        {
            "one": FakeTranscription([" First."]),
            "two": FakeTranscription(["broken"]),
            "last": FakeTranscription([]),
        }
    )
    out = tmp_path / "out"
    paths = [out / "one.srt", out / "two.srt", out / "sub" / "last.srt"]
    assert await run(fake, found, Files(paths, Style("srt"))) == 1
    written = {path: path.read_text() for path in sorted(out.rglob("*")) if path.is_file()}
    assert written == {
        paths[0]: "1\n00:00:00,000 --> 00:00:01,000\nFirst.\n\n",
        paths[2]: "",
    }
    assert capfd.readouterr() == ("", "auricle: error: two: the file is broken\n")


async def test_a_file_that_cannot_be_written_is_that_recordings_error(found, tmp_path, capfd):
    (tmp_path / "out").write_text("a file where a folder should be")
    fake = FakeRuntime({"one": FakeTranscription([" First."])})
    target = tmp_path / "out" / "one.txt"
    assert await run(fake, found[:1], Files([target], Style("text"))) == 1
    assert capfd.readouterr().err.startswith(f"auricle: error: one: cannot write {target}: ")


async def test_a_model_that_cannot_be_loaded_ends_the_run(found):
    fake = FakeRuntime({}, failure=ModelUnusable("no weights"))
    with pytest.raises(ModelUnusable, match="no weights"):
        await run(fake, found, Printer(["one"], Style("text"), live=False))
    assert fake.calls == ["start", "stop"]


async def test_speakers_are_got_ready_before_the_first_recording(found, capfd):
    fake = FakeRuntime({"one": FakeTranscription([" First."])})
    options = DecodeOptions(speakers=SpeakerOptions())
    printer = Printer(["one"], Style("text", speakers=True), live=True)
    runtime = cast("Runtime", fake)
    assert await batch.run(runtime, found[:1], options, printer) == 0
    assert fake.calls == ["start", "load speakers", "one", "stop"]


def test_a_speaker_stands_before_their_words_on_a_terminal(capfd):
    spoken = msgspec.structs.replace(segment(0.0, " First."), speaker="Ann")
    Printer(["one"], Style("text", speakers=True), live=True).segment(0, spoken)
    assert capfd.readouterr().out == "Ann: First.\n"


class _Interrupted(BaseException):
    """As Ctrl-C."""


class ResumableRuntime(FakeRuntime):
    """Reads a window for each text, through the ledger; ``stops_at`` interrupts it."""

    model_id = "base"
    stops_at = ""

    def __init__(self, recordings: dict[str, FakeTranscription]) -> None:
        super().__init__(recordings)
        self.read: list[str] = []

    @asynccontextmanager
    async def open(
        self, path: Path, options: DecodeOptions, ledger: Ledger | None = None
    ) -> AsyncIterator[FakeTranscription]:
        assert ledger is not None
        part = ledger.part(None)
        for number, text in enumerate(self.recordings[path.name].texts):
            if text == self.stops_at:
                raise _Interrupted
            if part.find(window(number)) is None:
                self.read.append(text)
                segments = (segment(float(number), text),)
                await part.keep(window(number), Reading(segments, Language("en"), ""))
        yield self.recordings[path.name]


async def test_what_is_interrupted_goes_on_where_it_was(tmp_path: Path, capsysbinary):
    recordings = {"a.wav": FakeTranscription([" One.", " Two."]), "b.wav": FakeTranscription([])}
    for name in recordings:
        (tmp_path / name).write_bytes(name.encode())
    found = [Input(tmp_path / name, name, Path(name)) for name in recordings]
    given = Settings(data_dir=tmp_path / "data")
    runs: list[list[str]] = []
    for stops_at in (" Two.", "", ""):
        runtime = ResumableRuntime(recordings)
        runtime.stops_at = stops_at
        output = Printer([each.label for each in found], Style("text"), live=False)
        running = batch.run(cast(Runtime, runtime), found, DecodeOptions(), output, resuming(given))
        if stops_at:
            with pytest.raises(_Interrupted):
                await running
        else:
            assert await running == 0
        runs.append(runtime.read)
    assert runs == [[" One."], [" Two."], []]
    assert capsysbinary.readouterr().out.count(b"==> a.wav <==\nOne. Two.\n") == 2


async def test_a_file_that_has_changed_or_is_asked_for_otherwise_is_read_anew(tmp_path: Path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    given = Settings(data_dir=tmp_path / "data")
    transcript = Transcript("transcribe", Language("en"), 1.0, (segment(0.0, " One."),))
    async with resuming(given) as kept:
        begun = await kept.begin(path, DecodeOptions(), "base")
        await kept.complete(begun, transcript)
        assert (await kept.begin(path, DecodeOptions(), "base")).transcript == transcript
        assert (await kept.begin(path, DecodeOptions(language="en"), "base")).transcript is None
        assert (await kept.begin(path, DecodeOptions(), "small")).transcript is None
        path.write_bytes(b"RIFF more")
        assert (await kept.begin(path, DecodeOptions(), "base")).transcript is None
    with pytest.raises(Unavailable, match=r"data.transcribe: Another process"):
        async with resuming(given), resuming(given):
            pass


async def test_what_is_kept_expires(tmp_path: Path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    given = Settings(data_dir=tmp_path / "data", keep_jobs_h=1)
    ids = []
    for now_s in (1_000_000.0, 1_003_599.0, 1_003_601.0):
        async with resuming(given, clock=lambda now_s=now_s: now_s) as kept:  # type: ignore[misc]  # the time of this turn
            ids.append((await kept.begin(path, DecodeOptions(), "base")).job_id)
    assert (ids[0] == ids[1], ids[1] == ids[2]) == (True, False)

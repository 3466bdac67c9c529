"""A recording is heard for its voices: named by references, heard again when the process dies."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from auricle.diarize import Diarizer, Part
from auricle.errors import BadMedia, EngineFailed, InvalidRequest
from auricle.speakers.clustering import Bounds
from auricle.speakers.diarization import Voices
from auricle.speakers.process import SpeakersDied
from auricle.speakers.turns import Turn
from auricle.speech.source import AudioChunk
from auricle.types import AudioTrack, KnownVoice, SpeakerOptions
from tests.telemetry.test_observe import Watching

RECORDING = Path("recording")
SECOND = 16_000


def axis(number: int) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.eye(192, dtype=np.float32)[number]
    return found


class FakeRecording:
    def __init__(self, name: str, seconds: int) -> None:
        self._n = seconds
        self._name = name
        self.duration_s = 0.0
        self.track = AudioTrack(1, 1)
        self.warnings = (f"warning of {name}",)

    async def __aiter__(self) -> AsyncIterator[AudioChunk]:
        for _ in range(self._n):
            self.duration_s += 1.0
            yield AudioChunk(np.zeros(SECOND, np.float32), np.zeros(32, np.float32))


class FakeDecoders:
    """A file of a reference is opened by what is in it."""

    def __init__(self, **lengths_s: int) -> None:
        self._lengths_s = lengths_s
        self.opened: list[tuple[str, bool, Part]] = []

    @contextlib.asynccontextmanager
    async def open(
        self,
        path: Path,
        *,
        is_long: bool = False,
        audio_track: str | None = None,
        audio_channel: int | None = None,
        finds_speech: bool,
    ) -> AsyncIterator[FakeRecording]:
        name = path.name if path == RECORDING else path.read_text()  # noqa: ASYNC240  # a few bytes
        assert not finds_speech, "nobody asks the networks of speakers"
        self.opened.append((name, is_long, Part(audio_track, audio_channel)))
        if name == "junk":
            raise BadMedia("Audio file might be corrupted or unsupported")
        yield FakeRecording(name, self._lengths_s.get(name, 3))


@dataclass
class FakeHost:
    """Its processes find what they are told in each recording, in order."""

    found: list[Voices | Exception]
    bounds: list[Bounds | None] = field(default_factory=list)
    n_started: int = 0
    alone: list[bool] = field(default_factory=list)
    fed_s: list[int] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def using(
        self, _: float | None = None, *, alone: bool = False
    ) -> AsyncIterator[FakeHost]:
        self.n_started += 1
        self.alone.append(alone)
        yield self

    @contextlib.asynccontextmanager
    async def recording(self) -> AsyncIterator[FakeHost]:
        self.fed_s.append(0)
        yield self

    async def feed(self, pcm: NDArray[np.float32]) -> None:
        self.fed_s[-1] += len(pcm) // SECOND

    async def finish(self, bounds: Bounds | None) -> Voices:
        self.bounds.append(bounds)
        found = self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def voices(*numbers: int, seconds: float = 2.0) -> Voices:
    """One turn each, by people numbered as their voices are."""
    turns = tuple(Turn(i * seconds, (i + 1) * seconds, i) for i in range(len(numbers)))
    embeddings = [axis(number) for number in numbers]
    return Voices(turns, np.array(embeddings, np.float32).reshape(-1, 192))


def diarizer(host: FakeHost, decoders: FakeDecoders | None = None) -> Diarizer:
    fake_host: Any = host
    fake_decoders: Any = decoders or FakeDecoders()
    return Diarizer(fake_decoders, fake_host)


ANN, BOB = KnownVoice("Ann", b"ann"), KnownVoice("Bob", b"bob")


async def test_who_speaks_when():
    host, decoders = FakeHost([voices(3, 5)]), FakeDecoders()
    options = SpeakerOptions(at_least=2, at_most=4)
    found = await diarizer(host, decoders).diarize(RECORDING, options, Part("2", 1), is_long=True)
    assert [(each.name, each.is_known, each.speech_s) for each in found.speakers] == [
        ("A", False, 2.0),
        ("B", False, 2.0),
    ]
    assert found.speakers[1].embedding == tuple(axis(5))
    assert found.turns == (Turn(0.0, 2.0, 0), Turn(2.0, 4.0, 1))
    assert (found.duration_s, found.warnings) == (3.0, ("warning of recording",))
    assert host.bounds == [Bounds(2, 4)]
    assert decoders.opened == [("recording", True, Part("2", 1))]


async def test_voices_that_are_known_have_names_and_others_letters():
    host = FakeHost([voices(5), voices(9), voices(3, 5)])
    found = await diarizer(host).diarize(RECORDING, SpeakerOptions(known=(ANN, BOB)))
    assert [(each.name, each.is_known) for each in found.speakers] == [("A", False), ("Ann", True)]
    assert host.bounds[:2] == [Bounds(), Bounds()]


async def test_a_noisy_reference_is_warned_of():
    host = FakeHost([replace(voices(5), range_db=3.0), voices(9), voices(5)])
    found = await diarizer(host).diarize(RECORDING, SpeakerOptions(known=(ANN, BOB)))
    assert [each.name for each in found.speakers] == ["Ann"]
    of_recording, of_reference = found.warnings
    assert of_recording == "warning of recording"
    assert of_reference.startswith("The reference for 'Ann' is noisy: loud speech is 3 dB above")


async def test_somebody_known_for_whom_the_bound_leaves_no_place_is_warned_of():
    """All went to one of two known voices without a word."""
    both = replace(voices(5), apart=voices(5, 9).embeddings)
    host = FakeHost([voices(5), voices(9), both])
    options = SpeakerOptions(at_most=1, known=(ANN, BOB))
    found = await diarizer(host).diarize(RECORDING, options)
    assert [each.name for each in found.speakers] == ["Ann"]
    assert found.warnings[1:] == (
        "'Bob' is heard, too, but max_speakers or num_speakers allows no more than 1, so what this "
        "person says is told as another's.",
    )


async def test_eight_people():
    found = await diarizer(FakeHost([voices(*range(8))])).diarize(RECORDING, SpeakerOptions())
    assert "".join(each.name for each in found.speakers) == "ABCDEFGH"
    assert [turn.speaker for turn in found.turns] == list(range(8))


async def test_nobody():
    observer = Watching()
    listening = replace(diarizer(FakeHost([voices()])), observer=observer)
    found = await listening.diarize(RECORDING, SpeakerOptions())
    assert (found.speakers, found.turns) == ((), ())
    assert observer.seen == [("speakers_s", {"ended": "well"})]


@pytest.mark.parametrize(
    ("reference", "heard", "message"),
    [
        ("ann", voices(), "The reference for 'Ann' has 0.0 s of speech; 1 s are needed, and"),
        ("ann", voices(1, seconds=0.6), "The reference for 'Ann' has 0.6 s of speech; 1 s are"),
        ("ann", voices(1, 2), "The reference for 'Ann' has 2 voices; it must have one."),
        ("junk", voices(), "The reference for 'Ann' cannot be read: Audio file might be corrupted"),
        ("endless", voices(), "The reference for 'Ann' is longer than 30 s; 2 to 10 s are best."),
    ],
)
async def test_a_reference_that_is_none(reference, heard, message):
    host, decoders = FakeHost([voices(2), heard, voices(1)]), FakeDecoders(endless=10_000)
    known = (BOB, KnownVoice("Ann", reference.encode()))
    with pytest.raises(InvalidRequest) as caught:
        await diarizer(host, decoders).diarize(RECORDING, SpeakerOptions(known=known))
    assert caught.value.message.startswith(message)
    assert caught.value.param == "known_speaker_references[1]"
    assert max(host.fed_s) <= 30


async def test_a_recording_is_heard_again_when_the_process_dies():
    host = FakeHost([voices(1), SpeakersDied("killed"), voices(1), voices(1, 2)])
    decoders = FakeDecoders()
    found = await diarizer(host, decoders).diarize(RECORDING, SpeakerOptions(known=(ANN,)))
    assert [each.name for each in found.speakers] == ["Ann", "A"]
    assert host.n_started == 2
    assert [name for name, _, _ in decoders.opened] == ["ann", "recording"] * 2


async def test_one_that_three_processes_die_of_fails_and_the_last_had_no_other():
    """It failed after two, which may have died of another recording in them."""
    host = FakeHost([SpeakersDied("killed")] * 3)
    with pytest.raises(EngineFailed, match="failed 3 times on this recording: killed"):
        await diarizer(host).diarize(RECORDING, SpeakerOptions())
    assert host.alone == [False, False, True]

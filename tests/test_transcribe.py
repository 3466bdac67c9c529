"""What each window of a recording is told, and in which language it is read."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence

import msgspec
import numpy as np
import pytest

from auricle.engine.protocol import (
    DecodeJob,
    DecodeRow,
    EncodedWindow,
    EncodeRow,
    WindowText,
)
from auricle.media.recording import AudioChunk
from auricle.scheduler.scheduler import Scheduler
from auricle.transcribe import Transcription, collect
from auricle.types import SAMPLE_RATE, DecodeOptions, Language, Transcript
from tests.fakes import FakeEngine, spoken

FRAME = 512


STRETCH = ((20.0, 1.0), (5.0, 0.0))
"""Speech and silence, in seconds with their probability: a window."""


class SpokenRecording:
    """The same stretch of speech and silence again and again."""

    def __init__(self, n_stretches: int, stretch: Sequence[tuple[float, float]]) -> None:
        self._n_stretches = n_stretches
        self._stretch = stretch
        self.duration_s = 0.0
        self.track = None
        self.warnings: tuple[str, ...] = ()

    async def __aiter__(self) -> AsyncIterator[AudioChunk]:
        for _ in range(self._n_stretches):
            for seconds, probability in self._stretch:
                n = round(seconds * SAMPLE_RATE) // FRAME
                self.duration_s += n * FRAME / SAMPLE_RATE
                yield AudioChunk(
                    np.full(n * FRAME, probability, np.float32), np.full(n, probability, np.float32)
                )


class ListeningEngine(FakeEngine):
    """Detects the languages it is given in turn."""

    def __init__(self, hear=spoken, languages: tuple[str, ...] = ("de",)) -> None:
        super().__init__(hear)
        self._languages = itertools.cycle(languages)
        self.told: list[EncodeRow] = []

    def _encoded(self, row: EncodeRow, n_frames: int) -> EncodedWindow:
        self.told.append(msgspec.structs.replace(row, pcm=b""))
        encoded = super()._encoded(row, n_frames)
        if row.detect_language:
            found = Language(next(self._languages), 0.5)
            encoded = msgspec.structs.replace(encoded, language=found)
        return encoded


async def _read(
    engine: ListeningEngine,
    options: DecodeOptions,
    n_stretches: int = 3,
    stretch: Sequence[tuple[float, float]] = STRETCH,
) -> Transcript:
    async def start() -> ListeningEngine:
        return engine

    scheduler = Scheduler(start)
    await scheduler.start()
    try:
        with scheduler.admit() as admission:
            return await collect(
                Transcription(
                    options,
                    _recording=SpokenRecording(n_stretches, stretch),  # type: ignore[arg-type]  # a fake
                    _admission=admission,
                )
            )
    finally:
        await scheduler.close()


async def test_every_window_is_told_the_prompt_and_only_the_first_the_prefix():
    engine = ListeningEngine()
    options = DecodeOptions(prompt="Hello.", keywords=("Ann",), prefix="So", languages=("de", "en"))
    transcript = await _read(engine, options)
    assert [(row.prompt, row.keywords, row.prefix) for row in engine.told] == [
        ("Hello.", ("Ann",), "So"),
        ("Hello.", ("Ann",), None),
        ("Hello.", ("Ann",), None),
    ]
    assert [(row.detect_language, row.languages) for row in engine.told] == [
        (True, ("de", "en")),
        (False, ("de", "en")),
        (False, ("de", "en")),
    ]
    assert transcript.language == Language("de", 0.5)


async def test_windows_may_have_a_language_each_and_the_longest_spoken_is_the_recordings():
    engine = ListeningEngine(languages=("en", "de", "de"))
    transcript = await _read(engine, DecodeOptions(language_detection="window"))
    assert [segment.text.split()[0] for segment in transcript.segments] == ["en", "de", "de"]
    assert transcript.language == Language("de", 0.5)


async def test_the_text_before_is_context_where_that_is_wanted():
    engine = ListeningEngine()
    transcript = await _read(engine, DecodeOptions(prompt="Hello.", previous_text=True))
    said = [segment.text for segment in transcript.segments]
    assert [row.prompt for row in engine.told] == [
        "Hello.",
        "Hello." + said[0],
        "Hello." + said[0] + said[1],
    ]


async def test_a_text_read_at_a_high_temperature_is_no_context():
    def hear(row: DecodeRow, job: DecodeJob) -> WindowText:
        text = spoken(row, job)
        loops = 20 < row.start_s < 40 and job.temperature < 0.6
        return msgspec.structs.replace(text, compression_ratio=9.0) if loops else text

    engine = ListeningEngine(hear)
    transcript = await _read(engine, DecodeOptions(previous_text=True))
    assert [segment.temperature for segment in transcript.segments] == [0.0, 0.6, 0.0]
    prompts = {row.window_id: row.prompt for row in engine.told}
    assert list(prompts.values()) == [None, transcript.segments[0].text, None]


async def test_a_loop_under_guidance_is_read_again_without():
    def hear(row: DecodeRow, job: DecodeJob) -> WindowText:
        text = spoken(row, job)
        return msgspec.structs.replace(text, compression_ratio=9.0) if row.is_guided else text

    engine = ListeningEngine(hear)
    transcript = await _read(engine, DecodeOptions(keywords=("Ann",)), 1)
    assert [segment.compression_ratio for segment in transcript.segments] == [1.0]
    assert not engine.decodes[-1].rows[0].is_guided


async def test_an_echo_of_the_prompt_is_read_again_without_it():
    prompt = "Minutes of the board meeting."

    def hear(row: DecodeRow, job: DecodeJob) -> WindowText:
        text = spoken(row, job)
        said = prompt if row.is_guided else " Good morning."
        [segment] = text.segments
        return msgspec.structs.replace(
            text, segments=(msgspec.structs.replace(segment, text=said),)
        )

    engine = ListeningEngine(hear)
    transcript = await _read(engine, DecodeOptions(prompt=prompt), 1)
    assert transcript.text == "Good morning."
    assert [[row.is_guided for row in job.rows] for job in engine.decodes] == [[True], [False]]
    assert len(engine.told) == 1  # what was encoded is used again


async def test_what_was_read_ends_before_the_rest_of_its_window():
    def hear(row: DecodeRow, job: DecodeJob) -> WindowText:
        text = spoken(row, job)
        return msgspec.structs.replace(text, resume_s=6.0) if row.start_s < 6 else text

    transcript = await _read(ListeningEngine(hear), DecodeOptions(), 1)
    assert [segment.end_s == 6.0 for segment in transcript.segments] == [True, False]
    assert transcript.segments[1].start_s == 6.0


TWO_SENTENCES = ((4.0, 1.0), (0.8, 0.0), (6.0, 1.0), (3.0, 0.0))


@pytest.mark.parametrize(
    ("n_in_half", "heard"),
    [
        pytest.param(20, ["half at 0", "half at 4"], id="a sentence was missing"),
        pytest.param(6, ["whole at 0"], id="nothing was"),
    ],
)
async def test_a_sentence_left_out_of_a_window_is_read_by_itself(n_in_half, heard):
    def hear(row: DecodeRow, job: DecodeJob) -> WindowText:
        text = spoken(row, job)
        is_whole = row.duration_s > 10
        [segment] = text.segments
        said = msgspec.structs.replace(
            segment,
            text=f" {'whole' if is_whole else 'half'} at {int(row.start_s)}",
            tokens=tuple(range(2 + (15 if is_whole else n_in_half))),
        )
        return msgspec.structs.replace(text, segments=(said,), last_timestamp_s=segment.end_s)

    transcript = await _read(ListeningEngine(hear), DecodeOptions(), 1, TWO_SENTENCES)
    assert [segment.text.strip() for segment in transcript.segments] == heard

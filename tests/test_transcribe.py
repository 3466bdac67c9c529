"""What each window of a recording is told, in which language it is read, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.errors import EngineFailed
from auricle.opening import UNOPENED_S, Opening
from auricle.queue.admission import FIRST_GUESS_S_PER_S
from auricle.reading.reader import Reading
from auricle.reading.recording_language import RecordingLanguage
from auricle.segment_stream import EarlyWords, collect
from auricle.speech.source import AudioChunk
from auricle.transcribe import Transcription
from auricle.types import SAMPLE_RATE, DecodeOptions, Language, Token, Transcript, Window
from tests.fakes import LOOP, FakeEngine, FakeRow, FakeText, ramp, spoken
from tests.reading.test_reader import serving

FRAME = 512

STRETCH = ((20.0, 1.0), (5.0, 0.0))
"""Speech and silence, in seconds with their probability: a window."""


class SpokenSource:
    """The same stretch of speech and silence again and again."""

    def __init__(
        self, n_stretches: int = 3, stretch: Sequence[tuple[float, float]] = STRETCH
    ) -> None:
        self._n_stretches = n_stretches
        self._stretch = stretch
        self.duration_s = 0.0
        self.track = None
        self.warnings: tuple[str, ...] = ()

    async def __aiter__(self) -> AsyncIterator[AudioChunk]:
        for _ in range(self._n_stretches):
            for seconds, probability in self._stretch:
                n = round(seconds * SAMPLE_RATE) // FRAME
                start_s = self.duration_s
                self.duration_s += n * FRAME / SAMPLE_RATE
                pcm = ramp(start_s, n * FRAME / SAMPLE_RATE)
                yield AudioChunk(pcm, np.full(n, probability, np.float32))


@asynccontextmanager
async def transcribing(
    engine: FakeEngine, options: DecodeOptions, n_stretches: int = 3
) -> AsyncIterator[Transcription]:
    async with serving(engine) as model:
        with model.queue.admit() as admission:
            source, spoken = SpokenSource(n_stretches), RecordingLanguage(options)
            transcription = Transcription(options, source, model, admission, spoken)
            try:
                yield transcription
            finally:
                await transcription.close()


async def transcribed(
    engine: FakeEngine, options: DecodeOptions, n_stretches: int = 3
) -> Transcript:
    async with transcribing(engine, options, n_stretches) as transcription:
        return await collect(transcription)


async def test_every_window_is_told_the_prompt_and_only_the_first_the_prefix():
    engine = FakeEngine()
    options = DecodeOptions(prompt="Hello.", keywords=("Ann",), prefix="So", languages=("de", "en"))
    transcript = await transcribed(engine, options)
    told = sorted((each.start_s, each.told, each.prefix) for each in engine.heard)
    assert [(told, prefix) for _, told, prefix in told] == [
        (" Ann. Hello.", " So"),
        (" Ann. Hello.", ""),
        (" Ann. Hello.", ""),
    ]
    assert len(engine.detects) == 1
    assert transcript.language == Language("de", 0.9)


async def test_windows_may_have_a_language_each_and_the_longest_spoken_is_the_recordings():
    engine = FakeEngine(languages=("en", "de", "de"))
    transcript = await transcribed(engine, DecodeOptions(language_detection="window"))
    assert [segment.text.split()[0] for segment in transcript.segments] == ["en", "de", "de"]
    assert transcript.language == Language("de", 0.9)


async def test_the_text_before_is_context_where_that_is_wanted():
    engine = FakeEngine()
    options = DecodeOptions(prompt="Hello.", previous_text=True)
    transcript = await transcribed(engine, options)
    said = [segment.text for segment in transcript.segments]
    assert [each.told for each in engine.heard] == [
        " Hello.",
        " Hello." + said[0],
        " Hello." + said[0] + said[1],
    ]


async def test_a_text_read_at_a_high_temperature_is_no_context():
    def hear(heard: FakeRow) -> FakeText:
        loops = 20 < heard.start_s < 40 and heard.temperature < 0.6
        return LOOP if loops else spoken(heard)

    engine = FakeEngine(hear)
    transcript = await transcribed(engine, DecodeOptions(previous_text=True))
    assert [segment.temperature for segment in transcript.segments] == [0.0, 0.6, 0.0]
    told = {each.start_s: each.told for each in reversed(engine.heard)}
    assert [told[start_s] for start_s in sorted(told)] == ["", transcript.segments[0].text, ""]


async def test_a_rest_is_read_with_what_was_said_before_it():
    """Read alone, "the aforesaid" at the end of a window became "the a force said"."""

    def hear(heard: FakeRow) -> FakeText:
        is_rest = heard.start_s >= 10.0
        return replace(spoken(heard), end_s=None if is_rest else 5.0, goes_on=not is_rest)

    engine = FakeEngine(hear)
    transcript = await transcribed(engine, DecodeOptions(language="en", prompt="Names: Ann."), 1)
    assert transcript.text == "en 0 en 5 en 10"
    prompts = [" Names: Ann.", " Names: Ann. en 0", " Names: Ann. en 0 en 5"]
    assert [each.told for each in engine.heard] == prompts


async def test_segments_come_in_the_order_of_the_recording():
    """The first window is the last to be read."""
    first = asyncio.Event()

    class Slow(FakeEngine):
        async def decode(self, job):
            async for reply in super().decode(job):
                if self.heard[-1].start_s == 0.0:
                    await first.wait()
                yield reply
                if len(self.heard) == 3:
                    first.set()

    transcript = await transcribed(Slow(), DecodeOptions(language="en", beam_size=5))
    assert [segment.text for segment in transcript.segments] == [
        " en 0",
        " en 22.496",
        " en 47.488",
    ]


async def test_who_leaves_early_leaves_nothing_behind():
    engine = FakeEngine()
    async with transcribing(engine, DecodeOptions(language="en"), 20) as transcription:
        async for segment in transcription:
            assert segment.text == " en 0"
            break  # `serving` sees to it that nothing is left
    assert len(engine.encodes) < 10


async def test_a_window_that_cannot_be_read_ends_the_transcription():
    engine = FakeEngine(poison=0.0)

    async def start() -> FakeEngine:
        engine.is_dead = False
        return engine

    async with transcribing(engine, DecodeOptions(language="en")) as transcription:
        transcription.model.queue._dispatcher.supervisor._start_engine = start
        with pytest.raises(EngineFailed, match=r"on the audio between 0\.00 s and 20\.\d\d s"):
            await collect(transcription)


class _Recording(SpokenSource):
    def __init__(self, declared_s: float | None, n_stretches: int = 0) -> None:
        super().__init__(n_stretches)
        self.declared_s = declared_s


class _Decoders:
    """Opens a file that says how long it is."""

    def __init__(
        self, waiting_s: Callable[[], float], declared_s: float | None, n_stretches: int = 0
    ) -> None:
        self._waiting_s = waiting_s
        self._declared_s = declared_s
        self._n_stretches = n_stretches
        self.before_s = 0.0

    @asynccontextmanager
    async def open(self, path: Path, **options: object) -> AsyncIterator[_Recording]:
        self.before_s = self._waiting_s()
        yield _Recording(self._declared_s, self._n_stretches)


@pytest.mark.parametrize(
    ("declared_s", "counts_s"), [(20.0, 20.0), (None, 1000.0), (7200.0, 7200.0)]
)
async def test_a_file_counts_as_its_length_only_when_it_was_opened(tmp_path, declared_s, counts_s):
    """Large uploads that are no audio made everybody wait who came while they were looked into."""
    path = tmp_path / "junk.bin"
    path.write_bytes(bytes(16_000_000))
    async with serving(FakeEngine()) as model:

        def waiting_s() -> float:
            return model.queue.backlog_s * FIRST_GUESS_S_PER_S

        decoders = _Decoders(waiting_s, declared_s)
        async with Opening(decoders, model, path, DecodeOptions()).plain():  # type: ignore[arg-type]  # all it needs
            assert waiting_s() == pytest.approx(counts_s)
        assert decoders.before_s == pytest.approx(UNOPENED_S)
        assert waiting_s() == 0.0


class FakeLedger:
    """Keeps readings in memory."""

    def __init__(self) -> None:
        self.kept: dict[int, Reading] = {}
        self.expected_s = 0.0
        self.language: Language | None = None

    def part(self, channel: int | None) -> FakeLedger:
        return self

    def expect(self, audio_s: float) -> None:
        self.expected_s = audio_s

    def find(self, window: Window) -> Reading | None:
        return self.kept.get(window.index)

    async def keep(self, window: Window, reading: Reading) -> None:
        self.kept[window.index] = reading
        self.language = reading.language


async def test_what_a_ledger_has_is_not_read_again(tmp_path):
    """Also where a window in the middle is missing, and the language was found out before."""
    path = tmp_path / "talk"
    path.write_bytes(bytes(1000))
    ledger, transcripts, heard = FakeLedger(), [], []
    for _ in range(2):
        engine = FakeEngine()
        async with serving(engine) as model:
            decoders: Any = _Decoders(lambda: model.queue.backlog_s, 70.0, 3)
            options = DecodeOptions(languages=("de", "en"))
            opening = Opening(decoders, model, path, options, ledger=ledger)
            async with opening.plain() as transcription:
                assert model.queue.n_requests == 0  # nobody is refused because of it
                transcripts.append(await collect(transcription))
        heard.append((sorted(each.start_s for each in engine.heard), len(engine.detects)))
        del ledger.kept[1]
    assert transcripts[0] == transcripts[1]
    assert heard == [([0.0, 22.496, 47.488], 1), ([22.496], 0)]
    assert ledger.expected_s == 70.0


# Words ahead of their segments


def told(heard: FakeRow) -> FakeText:
    """Each window tells its text word by word."""
    text = f" It is {heard.start_s:.0f} now."
    return FakeText(text, told=tuple(text[:n] for n in range(1, len(text) + 1)))


async def parts(options: DecodeOptions, *, early: bool) -> list[str]:
    """What came, those of text ahead in brackets."""
    async with transcribing(FakeEngine(told), options, 2) as transcription:
        return [
            f"[{read.text}]" if isinstance(read, EarlyWords) else read.text
            async for read, _ in transcription.parts(early=early)
            if read is not None
        ]


async def test_words_come_ahead_of_their_segments_for_who_wants_them():
    english = DecodeOptions(language="en", audio_context="full")
    found = await parts(english, early=True)
    assert [each for each in found if each[0] != "["] == [" It is 0 now.", " It is 22 now."]
    ahead = [each.strip("[]") for each in found[: found.index(" It is 0 now.")]]
    assert ahead
    assert all(" It is 0 now.".startswith(text) for text in ahead)
    assert ahead == sorted(set(ahead), key=len)
    assert await parts(english, early=False) == [" It is 0 now.", " It is 22 now."]


async def test_words_come_ahead_of_their_times():
    found = await parts(DecodeOptions(language="en", audio_context="full", words=True), early=True)
    assert found[0] == "[ It]"
    assert [each for each in found if each[0] != "["] == [" It is 0 now.", " It is 22 now."]


async def test_words_come_with_the_log_probabilities_of_their_tokens():
    options = DecodeOptions(language="en", audio_context="full", logprobs=True)
    engine = FakeEngine(lambda heard: replace(told(heard), tells_logprobs=True))
    ahead: tuple[Token, ...] = ()
    n_ahead = 0
    async with transcribing(engine, options, 2) as transcription:
        async for read, _ in transcription.parts(early=True):
            if isinstance(read, EarlyWords):
                assert b"".join(token.raw for token in read.tokens).decode() == read.text
                assert read.tokens[: len(ahead)] == ahead
                ahead = read.tokens
                n_ahead += 1
            elif read is not None:
                assert read.logprobs is not None
                assert read.logprobs[: len(ahead)] == ahead
                ahead = ()
    assert n_ahead
    assert engine.aligns == []


async def test_words_wait_for_log_probabilities_that_the_engine_does_not_tell():
    found = await parts(DecodeOptions(language="en", logprobs=True), early=True)
    assert len(found) == 2

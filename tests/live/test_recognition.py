"""What a decoder is told about a window of a stream."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest

from auricle.engine.protocol import Aligned, Hypothesis
from auricle.live.effects import Kind, ReadRequest
from auricle.live.recognition import CROWDED_FRAMES_STEP, ReadMode, Recognizer
from auricle.reading.jobs import DecodeSettings
from auricle.types import DecodeOptions, Language
from auricle.whisper.dimensions import MAX_FRAMES
from auricle.whisper.prompting import Prompt
from tests.fakes import VOCABULARY, ramp


class Audio:
    """In which nothing is heard behind the prefix."""

    def __init__(self, aligned: Aligned | None = None) -> None:
        """``aligned``: two letters are heard, at these times."""
        self.aligned = aligned
        self.beams: list[int] = []
        self.prompts: list[Prompt] = []
        self.searches: list[tuple[int, int, bool]] = []
        """How many frames were encoded, how many beams there were, and whether loops ended it."""
        self.asked: list[tuple[int, int]] = []
        """How many frames were encoded, and how many tokens the text may have."""

    async def encode(self, n_frames: int) -> None:
        self.n_frames = n_frames

    async def detect_language(self, *_: object) -> Language:
        raise AssertionError("the language is given")

    async def decode(
        self, prompt: Prompt, settings: DecodeSettings, *, n_align_frames: int
    ) -> Hypothesis:
        self.prompts.append(prompt)
        self.asked.append((self.n_frames, settings.max_new_tokens))
        self.beams.append(settings.beam_size)
        self.searches.append((self.n_frames, settings.beam_size, settings.stops_on_loops))
        self.n_align_frames, self.trims_loops = n_align_frames, settings.trims_loops
        new = VOCABULARY.encode("ab") if self.aligned else ()
        return Hypothesis(1, (*prompt.prefix, *new), -0.2, 0.0, aligned=self.aligned)

    async def align(self, *_: object) -> Aligned:
        raise AssertionError("there are no words")


def asking(
    seconds: float = 2.0,
    kind: Kind = "partial",
    prefix: tuple[int, ...] = (),
    draft: tuple[int, ...] = (),
) -> ReadRequest:
    pcm = ramp(0.0, seconds)
    return ReadRequest(1, 1, kind, 0.0, seconds, pcm, prefix, draft, context="", language="en")


@pytest.mark.parametrize(("kind", "draft"), [("partial", (67, 68)), ("final", ())])
async def test_a_partial_reading_goes_on_from_the_one_before(kind, draft):
    """A final one starts afresh: it must not depend on when partials were read."""
    audio = Audio()
    request = asking(kind=cast("Kind", kind), prefix=(65, 66), draft=(67, 68))
    recognizer = Recognizer(VOCABULARY, None, DecodeOptions(decoding="fast"))
    assert (await recognizer.read(audio, request)).words == ()
    assert [(prompt.prefix, prompt.draft) for prompt in audio.prompts] == [((65, 66), draft)]


async def test_keywords_are_told_and_expected():
    audio = Audio()
    options = DecodeOptions(prompt="Hi.", keywords=("Ann",), prefix="So", task="translate")
    await Recognizer(VOCABULARY, None, options).read(audio, asking(prefix=(65,)))
    [prompt] = audio.prompts
    start = (VOCABULARY.sot, 263, VOCABULARY.transcribe, VOCABULARY.no_timestamps)
    told = VOCABULARY.encode(" Ann. Hi.")
    assert prompt.ids == (VOCABULARY.sot_prev, *told, *start)
    assert prompt.prefix == (65,)
    assert [VOCABULARY.decode(each.ids) for each in prompt.expected] == [" Ann"]


@pytest.mark.parametrize(
    ("mode", "asked"),
    [
        (ReadMode(), [(450, 80), (550, 96), (600, 96), (750, 128), (1000, 160)]),
        (
            ReadMode(CROWDED_FRAMES_STEP),
            [(600, 96), (600, 96), (600, 96), (900, 144), (1200, 192)],
        ),
        (
            ReadMode(100, is_hurried=True),
            [(300, 64), (400, 80), (600, 96), (600, 96), (900, 144)],
        ),
    ],
)
async def test_windows_of_many_streams_are_of_few_lengths(mode, asked):
    """So that they are decoded in one call; the prefix, which differs, makes no difference."""
    audio = Audio()
    recognizer = Recognizer(VOCABULARY, None, DecodeOptions())
    for request in (
        asking(1.1),
        asking(2.1),
        asking(1.0, "final"),
        asking(4.1),
        asking(6.8, prefix=(65,) * 40),
    ):
        await recognizer.read(audio, request, mode)
    assert audio.asked == asked


@pytest.mark.parametrize(
    ("decoding", "kind", "is_hurried", "beams"),
    [
        ("accurate", "partial", False, [5]),
        ("accurate", "partial", True, [1]),
        ("accurate", "final", True, [5]),
        ("fast", "final", True, [1]),
    ],
)
async def test_in_a_hurry_beams_are_for_what_is_final(decoding, kind, is_hurried, beams):
    audio = Audio()
    recognizer = Recognizer(VOCABULARY, None, DecodeOptions(decoding=decoding))
    await recognizer.read(audio, asking(kind=kind), ReadMode(is_hurried=is_hurried))
    assert audio.beams == beams


@pytest.mark.parametrize("kind", ["partial", "final"])
async def test_words_placed_on_the_way_need_no_pass_of_their_own(kind):
    audio = Audio(Aligned(((0, 0), (1, 20), (2, 40)), (0.9, 0.8)))
    recognizer = Recognizer(VOCABULARY, None, DecodeOptions())
    found = await recognizer.read(audio, asking(kind=kind))
    [word] = found.words
    assert (word.text, word.start_s) == ("ab", 0.0)
    assert word.probability == pytest.approx(0.85)
    assert (audio.n_align_frames, audio.trims_loops) == (200, kind == "partial")


async def test_a_text_may_always_be_longer_than_its_prefix():
    audio = Audio()
    recognizer = Recognizer(VOCABULARY, None, DecodeOptions())
    await recognizer.read(audio, asking(1.0, prefix=(65,) * 150))
    assert audio.asked == [(400, 160)]


class Short(Audio):
    """A text goes astray in it unless the encoder is shown silence of its full length."""

    def __init__(self, is_right_at: int) -> None:
        super().__init__()
        self._is_right_at = is_right_at

    async def decode(
        self, prompt: Prompt, settings: DecodeSettings, *, n_align_frames: int
    ) -> Hypothesis:
        await super().decode(prompt, settings, n_align_frames=n_align_frames)
        is_right = self.n_frames == self._is_right_at
        text = " so my words" if is_right else " so my words" * 4
        ids = VOCABULARY.encode(text)
        each = 50 if is_right else 1
        path = tuple((i, i * each // 4) for i in range(len(ids) + 1))
        return Hypothesis(1, tuple(ids), -0.2, 0.0, aligned=Aligned(path, (0.9,) * len(ids)))


@pytest.mark.parametrize(
    ("kind", "is_right_at", "asked", "heard"),
    [
        ("final", MAX_FRAMES, [900, MAX_FRAMES], " so my words"),
        ("final", 900, [900], " so my words"),
        ("partial", MAX_FRAMES, [700], " so my words" * 4),
    ],
)
async def test_a_final_text_that_goes_astray_is_read_once_more(kind, is_right_at, asked, heard):
    """All of a turn was lost: what loops from its beginning cannot have been said."""
    audio = Short(is_right_at)
    recognizer = Recognizer(VOCABULARY, None, DecodeOptions(decoding="fast"))
    found = await recognizer.read(audio, asking(4.0, kind=kind))
    assert [n_frames for n_frames, _ in audio.asked] == asked
    assert "".join(word.text for word in found.words) == heard


class Looping(Short):
    """In which every search with beams ends in a loop, and one without says the same on and on."""

    async def decode(
        self, prompt: Prompt, settings: DecodeSettings, *, n_align_frames: int
    ) -> Hypothesis:
        said = await super().decode(prompt, settings, n_align_frames=n_align_frames)
        return msgspec.structs.replace(said, is_loop=settings.stops_on_loops)


async def test_a_search_for_a_final_text_stops_where_it_loops_unless_it_is_the_last():
    """Four such searches took eight seconds: two of two lengths of the encoder."""
    audio = Looping(is_right_at=0)
    await Recognizer(VOCABULARY, None, DecodeOptions()).read(audio, asking(4.0, kind="final"))
    assert audio.searches == [(900, 5, True), (900, 1, False), (MAX_FRAMES, 5, True)]

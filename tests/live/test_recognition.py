"""What a decoder is told about a window of a stream."""

from __future__ import annotations

from typing import cast

import pytest

from auricle.engine.protocol import Aligned, Hypothesis
from auricle.live.effects import Kind, ReadRequest
from auricle.live.recognition import Recognizer
from auricle.reading.jobs import DecodeSettings
from auricle.types import DecodeOptions, Language
from auricle.whisper.prompting import Prompt
from tests.fakes import VOCABULARY, ramp


class Audio:
    """In which nothing is heard behind the prefix."""

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []

    async def encode(self, n_frames: int) -> None:
        pass

    async def detect_language(self, *_: object) -> Language:
        raise AssertionError("the language is given")

    async def decode(self, prompt: Prompt, settings: DecodeSettings) -> Hypothesis:
        self.prompts.append(prompt)
        return Hypothesis(1, prompt.prefix, -0.2, 0.0)

    async def align(self, *_: object) -> Aligned:
        raise AssertionError("there are no words")


@pytest.mark.parametrize(("kind", "draft"), [("partial", (67, 68)), ("final", ())])
async def test_a_partial_reading_goes_on_from_the_one_before(kind, draft):
    """A final one starts afresh: it must not depend on when partials were read."""
    audio = Audio()
    request = ReadRequest(
        id=1,
        turn=1,
        kind=cast("Kind", kind),
        start_s=0.0,
        end_s=2.0,
        pcm=ramp(0.0, 2.0),
        prefix=(65, 66),
        draft=(67, 68),
        context="",
        language="en",
    )
    recognizer = Recognizer(VOCABULARY, None, DecodeOptions(decoding="fast"))
    assert (await recognizer.read(audio, request)).words == ()
    assert [(prompt.prefix, prompt.draft) for prompt in audio.prompts] == [((65, 66), draft)]

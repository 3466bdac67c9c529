"""What becomes of a live stream, as captions."""

from __future__ import annotations

import pytest

from auricle.cli.listening import local
from auricle.cli.listening.speech import Caption, FinishedTurn, Note
from auricle.errors import ModelUnusable
from auricle.live.effects import Final, LiveWord, TurnEnded, TurnFailed, TurnStarted, Update
from auricle.live.options import LiveOptions
from auricle.types import SAMPLE_RATE, DecodeOptions, Language
from tests.cli.listening.test_follow import PIECE
from tests.server.conftest import settings
from tests.server.fakes import FakeRuntime


def words(text: str) -> tuple[LiveWord, ...]:
    return tuple(LiveWord(f" {word}", 0.0, 0.1, 0.9) for word in text.split())


EFFECTS = (
    TurnStarted(1, 0.2),
    Update(1, words("turn on"), words("the knight")),
    Update(1, (), words("the light")),
    TurnEnded(1, 0.2, 2.0),
    TurnStarted(2, 2.1),
    Update(2, (), words("and")),
    Final(1, 0.2, 2.0, words("turn on the light"), Language("en", 0.9)),
    Final(2, 2.1, 3.0, (), None),
    TurnFailed(3, 3.0, 4.0, words("then"), "the engine failed"),
)
HEARD = [
    Caption("turn on", " the knight"),
    Caption("turn on", " the light"),
    Caption("turn on", " the light and"),
    FinishedTurn(0.2, 2.0, "turn on the light", words("turn on the light"), "en"),
    Caption("", " and"),
    Caption(""),
    Note("the engine failed"),
    FinishedTurn(3.0, 4.0, "then", words("then"), None),
    Caption(""),
]


async def test_effects_become_captions():
    runtime = FakeRuntime(settings())
    runtime.live_says = lambda _, told: EFFECTS if told == "finish" else ()
    async with local.opened(runtime, LiveOptions(), DecodeOptions()) as speech:
        await speech.send(PIECE)
        await speech.finish()
        assert [heard async for heard in speech] == HEARD
    assert runtime.lives[0].now_s == len(PIECE) / SAMPLE_RATE
    assert runtime.state == "stopping"


async def test_a_model_that_cannot_be_loaded():
    runtime = FakeRuntime(settings())
    runtime.failure = ModelUnusable("model.bin is missing")
    with pytest.raises(ModelUnusable, match=r"model\.bin is missing"):
        async with local.opened(runtime, LiveOptions(), DecodeOptions()):
            pass
    assert runtime.stopped.is_set()

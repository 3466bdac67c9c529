"""Sound is sent and what becomes of it is shown, until the sound ends or the user has enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from auricle.cli.listening.follow import follow
from auricle.cli.listening.speech import Caption, FinishedTurn, SpeechEvent
from auricle.errors import AuricleError
from auricle.types import Pcm

PIECE = np.zeros(1600, np.float32)


class FakeSpeech:
    """Says what is put into ``heard``; ends when it is told that there is no more."""

    def __init__(self) -> None:
        self.n_pieces = 0
        self.sent = asyncio.Event()
        self.heard: asyncio.Queue[SpeechEvent | Exception | None] = asyncio.Queue()
        self.refusal: AuricleError | None = None

    async def send(self, pcm: Pcm) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.n_pieces += 1
        self.sent.set()

    async def finish(self) -> None:
        self.heard.put_nowait(FinishedTurn(0.0, 1.0, f"{self.n_pieces} pieces"))
        self.heard.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[SpeechEvent]:
        while (heard := await self.heard.get()) is not None:
            if isinstance(heard, Exception):
                raise heard
            yield heard


async def sound(n_pieces: int | None = None) -> AsyncIterator[Pcm]:
    """So many pieces; None: one, and then nothing for ever."""
    for _ in range(1 if n_pieces is None else n_pieces):
        yield PIECE
    if n_pieces is None:
        await asyncio.Event().wait()


async def test_to_the_end_of_the_sound():
    speech = FakeSpeech()
    shown: list[SpeechEvent] = []
    speech.heard.put_nowait(Caption("3"))
    await follow(sound(3), speech, shown.append, asyncio.Event())
    assert shown == [Caption("3"), FinishedTurn(0.0, 1.0, "3 pieces")]


async def test_until_the_user_has_enough():
    speech, stop = FakeSpeech(), asyncio.Event()
    shown: list[SpeechEvent] = []
    following = asyncio.create_task(follow(sound(), speech, shown.append, stop))
    await speech.sent.wait()
    stop.set()
    await following
    assert shown == [FinishedTurn(0.0, 1.0, "1 pieces")]


async def test_what_goes_wrong_with_the_sound_is_raised():
    async def broken() -> AsyncIterator[Pcm]:
        yield PIECE
        raise AuricleError("the cable is out")

    with pytest.raises(AuricleError, match="the cable is out"):
        await follow(broken(), FakeSpeech(), lambda _: None, asyncio.Event())


async def test_what_goes_wrong_with_sending_is_raised():
    speech = FakeSpeech()
    speech.refusal = AuricleError("no room")
    with pytest.raises(AuricleError, match="no room"):
        await follow(sound(), speech, lambda _: None, asyncio.Event())


async def test_what_goes_wrong_with_the_text_is_raised():
    speech = FakeSpeech()
    speech.heard.put_nowait(AuricleError("the server has gone"))
    with pytest.raises(AuricleError, match="the server has gone"):
        await follow(sound(), speech, lambda _: None, asyncio.Event())

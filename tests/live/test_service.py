"""What streams of a process have in common before any of them is read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from auricle.errors import Overloaded
from auricle.live.end_of_turn import EndOfTurnHost
from auricle.live.load import CONNECTED_S
from auricle.live.options import LiveOptions
from auricle.live.service import LiveService
from auricle.live.transcription import LiveTranscription
from auricle.models.fetch import FetchOptions
from auricle.reading.model import ReadingModel
from auricle.types import DecodeOptions
from tests.fakes import VOCABULARY
from tests.live.streams import Streams
from tests.waiting import until


@contextlib.asynccontextmanager
async def served(
    cache: Path,
    max_trial_s: float = 1000.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[LiveService]:
    end_of_turn = EndOfTurnHost(FetchOptions(cache=cache), fetches=False)
    service = LiveService(9, end_of_turn, max_trial_s, sleep, clock=lambda: 0.0)
    try:
        yield service
    finally:
        await service.close()


def opened(service: LiveService, streams: Streams):
    model = ReadingModel(streams.queue, VOCABULARY, 5.0)
    live = LiveOptions(language="en")
    return service.open(model, lambda options: options, live, DecodeOptions())


async def test_those_who_come_at_a_time_wait_for_one_trial(tmp_path: Path) -> None:
    async with Streams(()) as streams, served(tmp_path) as service:
        async with contextlib.AsyncExitStack() as stack:
            await asyncio.gather(
                *(stack.enter_async_context(opened(service, streams)) for _ in range(4))
            )
            [engine] = streams.engines.all
            assert [job.n_frames for job in engine.encodes] == [700, 700]
            assert service.n_streams == 4
        async with opened(service, streams):
            assert len(engine.encodes) == 2, "that was known"
    assert streams.queue.n_windows == 0


@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_trial_that_has_no_end_keeps_nobody_out(is_closed: bool, tmp_path: Path) -> None:
    max_trial_s = 1000.0 if is_closed else 0.0
    async with Streams(()) as streams, served(tmp_path, max_trial_s) as service:
        streams.engines.all[0].gate.clear()
        stream = opened(service, streams)
        entering = asyncio.create_task(stream.__aenter__())
        if is_closed:
            await until(lambda: service._measuring is not None)
            await service.close()
        await entering
        assert service.n_streams == 1
        await stream.__aexit__(None, None, None)
        streams.engines.all[0].gate.set()


class Sending:
    """While somebody waits, those who have come begin to send."""

    def __init__(self) -> None:
        self.streams: list[LiveTranscription] = []
        self.waited_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waited_s.append(seconds)
        for stream in self.streams:
            await stream.send(np.zeros(160, np.float32))


@pytest.mark.parametrize("n_sending", [0, 3])
async def test_who_comes_with_more_than_can_be_followed_waits_to_see_who_sends(
    n_sending: int, tmp_path: Path
) -> None:
    sending = Sending()
    async with (
        Streams(()) as streams,
        served(tmp_path, sleep=sending.sleep) as service,
        contextlib.AsyncExitStack() as stack,
    ):
        service._load.measure(0.5)
        for _ in range(3):
            stream = await stack.enter_async_context(opened(service, streams))
            sending.streams += [stream][:n_sending]
        assert sending.waited_s == []
        refused = pytest.raises(Overloaded, match=r"^3 people") if n_sending else nullcontext()
        with refused:
            await stack.enter_async_context(opened(service, streams))
        assert sending.waited_s == [CONNECTED_S]
        assert service.n_streams == (3 if n_sending else 4)


async def test_models_have_places_of_their_own(tmp_path: Path) -> None:
    """One whose engine is gone held up the streams of another."""
    async with (
        Streams(()) as one,
        Streams(()) as other,
        served(tmp_path) as service,
        opened(service, one) as a,
        opened(service, one) as b,
        opened(service, other) as c,
    ):
        assert a._backend.places is b._backend.places is not c._backend.places

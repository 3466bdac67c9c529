"""From sound to captions: one task sends what is heard, another shows what becomes of it.

Knows nothing about where either comes from.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator

from auricle.cli.listening.speech import Speech, SpeechEvent
from auricle.types import Pcm


async def follow(
    sound: AsyncIterator[Pcm],
    speech: Speech,
    show: Callable[[SpeechEvent], None],
    stop: asyncio.Event,
) -> None:
    """Send sound until it ends or ``stop`` is set, and show what becomes of it.

    Raises whatever the sound or the speech do.
    """
    sending = asyncio.create_task(_send(sound, speech, stop), name="sound")
    try:
        async for event in _until_failed(speech, sending):
            show(event)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(sound: AsyncIterator[Pcm], speech: Speech, stop: asyncio.Event) -> None:
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            piece = asyncio.ensure_future(anext(sound))
            await asyncio.wait((piece, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not piece.done():
                piece.cancel()
                await asyncio.gather(piece, return_exceptions=True)
                break
            try:
                await speech.send(piece.result())
            except StopAsyncIteration:
                break
    finally:
        stopping.cancel()
    await speech.finish()


async def _until_failed(speech: Speech, sending: asyncio.Task[None]) -> AsyncIterator[SpeechEvent]:
    """What is heard; what goes wrong with sending is raised here."""
    events = aiter(speech)
    while True:
        event = asyncio.ensure_future(anext(events))
        waiting = {event} if sending.done() else {event, sending}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and (failure := sending.exception()) is not None:
            event.cancel()
            await asyncio.gather(event, return_exceptions=True)
            raise failure
        try:
            yield await event
        except StopAsyncIteration:
            return


@contextlib.contextmanager
def stopped_by_ctrl_c(stop: asyncio.Event) -> Iterator[None]:
    """Ctrl-C sets ``stop``; a second one interrupts as ever. Where the loop hears no signals, the
    first does."""
    loop = asyncio.get_running_loop()

    def on_interrupt() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    try:
        loop.add_signal_handler(signal.SIGINT, on_interrupt)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)

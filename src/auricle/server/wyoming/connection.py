"""One Wyoming client from its first event to its last: questions, and commands one after the other.

Knows nothing about how speech becomes text, or who may connect.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Final

from auricle.errors import AuricleError, InvalidRequest
from auricle.live.stream import LiveStream
from auricle.server import errors
from auricle.server.transport.in_flight import InFlight, stopping
from auricle.server.wyoming.audio import AudioFormat, AudioReader
from auricle.server.wyoming.command import Command, Transcript
from auricle.server.wyoming.info import info
from auricle.server.wyoming.wire import Event, event_bytes, read_event
from auricle.speech_runtime import SpeechRuntime

WRITE_S: Final = 30.0
"""How long a client may take to read what is sent to it."""

LINGER_S: Final = 2.0
"""How long a refused client is still listened to, so that it reads why, and one that is left may
take to read the rest."""

logger = logging.getLogger(__name__)


class Connection:
    """`serve` it in a task of its own."""

    def __init__(
        self,
        runtime: SpeechRuntime,
        in_flight: InFlight,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: str,
    ) -> None:
        self._runtime = runtime
        self._in_flight = in_flight
        self._reader = reader
        self._writer = writer
        self._client = client
        self._idle_s = runtime.settings.live_idle_s
        self._next: asyncio.Task[Event | None] | None = None
        self._asked: Command | None = None
        """What the last ``transcribe`` says of the command that follows."""
        self._is_busy = False
        self._is_answered = False
        """The command was over before its client said so: the rest of its audio is of no use."""

    async def serve(self) -> None:
        """Answer until the client leaves, is silent for too long, or is refused. Never raises."""
        try:
            with self._in_flight.on_stop(self._close_if_idle):
                while (event := await self._event()) is not None:
                    await self._handle(event)
                    if self._in_flight.is_stopping:
                        break
        except (ConnectionError, TimeoutError):
            pass
        except asyncio.CancelledError:
            if not self._in_flight.is_cut_off:
                raise
            await self._refuse(stopping())
        except Exception as exc:  # noqa: BLE001  # the border: the client is told
            await self._refuse(exc)
        finally:
            if self._next is not None:
                self._next.cancel()
                await asyncio.gather(self._next, return_exceptions=True)
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(LINGER_S):
                    await self._writer.wait_closed()
            self._writer.transport.abort()  # its client may have stopped reading

    def _close_if_idle(self) -> None:
        if not self._is_busy:
            self._writer.close()

    async def _event(self, unless: asyncio.Task[None] | None = None) -> Event | None:
        """The next event; None when the client has left, or nothing came for too long, or as soon
        as ``unless`` has ended. What was read of an event by then is not lost."""
        self._next = self._next or asyncio.create_task(read_event(self._reader), name="wyoming")
        waiting = {self._next} if unless is None else {self._next, unless}
        await asyncio.wait(waiting, timeout=self._idle_s, return_when=asyncio.FIRST_COMPLETED)
        if not self._next.done() or (unless is not None and unless.done()):
            return None
        read, self._next = self._next, None
        return read.result()

    async def _handle(self, event: Event) -> None:
        match event.type:
            case "describe" | "ping":
                await self._tell(event)
            case "transcribe":
                self._asked = Command.of(event.data, self._runtime.settings)
                await self._runtime.find(self._asked.model)
                self._is_answered = False
            case "audio-start":
                self._is_answered = False
                await self._follow(event)
            case "audio-chunk" if not self._is_answered:  # there are clients that only send these
                await self._follow(event)
        # What else there may be is to be passed over, says the protocol.

    async def _follow(self, first: Event) -> None:
        """Transcribe a command, whose audio begins with this event."""
        command = self._asked or Command.of({}, self._runtime.settings)
        self._asked, self._is_busy = None, True
        try:
            with self._in_flight.counted():
                self._in_flight.check_open()
                audio = AudioReader(AudioFormat.of(first.type, first.data))
                opened = self._runtime.open_live(
                    command.live, command.options, self._client, command.model
                )
                async with opened as stream:
                    await self._transcribe(command, audio, first, stream)
        finally:
            self._is_busy = False

    async def _transcribe(
        self, command: Command, audio: AudioReader, first: Event, stream: LiveStream
    ) -> None:
        telling = asyncio.create_task(self._answer(Transcript(command), stream), name="transcript")
        try:
            event: Event | None = first
            while event is not None and event.type != "audio-stop":
                if event.type == "audio-chunk":
                    _check_format(event, audio)
                    await stream.send(audio.push(event.payload))
                elif event.type in ("describe", "ping"):
                    await self._tell(event)
                elif event.type in ("audio-start", "transcribe") and event is not first:
                    raise InvalidRequest(
                        f"{event.type} came before the audio-stop of the command before."
                    )
                event = await self._event(unless=telling)
            if event is not None:
                await stream.send(audio.finish())
                await stream.finish()
            elif not telling.done():
                return  # the client has left
            self._is_answered = event is None
            await telling
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _answer(self, transcript: Transcript, stream: LiveStream) -> None:
        """Send the text as it comes, until the command is over."""
        async for effect in stream:
            await self._send(transcript.take(effect))
            if transcript.is_over:
                break
        await self._send(transcript.end())

    async def _tell(self, asked: Event) -> None:
        """Answer a question, also in the middle of a command."""
        if asked.type == "describe":
            answer = event_bytes("info", await info(self._runtime))
        else:
            answer = event_bytes("pong", {"text": asked.data.get("text")})
        await self._send([answer])

    async def _send(self, events: Iterable[bytes]) -> None:
        self._writer.writelines(events)
        async with asyncio.timeout(WRITE_S):
            await self._writer.drain()

    async def _refuse(self, exc: Exception) -> None:
        """Say why, and give the client time to read it. Home Assistant takes the end of the
        connection for the error, and goes on waiting after any event."""
        known = errors.known(exc)
        if known is None:
            logger.error("a bug", exc_info=exc)
            known = AuricleError("The server had an error; its log says more.")
        logger.info("refused a command of Wyoming's: %s", known)
        data = {"text": known.message, "code": known.code or known.type}
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await self._send([event_bytes("error", data)])
                self._writer.write_eof()
                if self._next is not None:
                    self._next.cancel()
                    await asyncio.gather(self._next, return_exceptions=True)
                while await self._reader.read(64 * 1024):
                    pass


def _check_format(chunk: Event, audio: AudioReader) -> None:
    form = AudioFormat.of(chunk.type, chunk.data)
    if form != audio.form:
        raise InvalidRequest(
            f"audio-chunk: {form} is not the format the command began with, {audio.form}."
        )

"""One session: a socket's events go to a live stream, and the stream's effects to the socket.

Knows nothing about how a client got in.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from auricle.errors import AuricleError, InvalidRequest, ModelNotFound
from auricle.live.pcm import PcmReader
from auricle.live.stream import LiveStream
from auricle.server import errors
from auricle.server.dialects.realtime import beta, client_events
from auricle.server.dialects.realtime.configuration import (
    MODEL_PATH,
    Configuration,
    ServerVad,
    updated,
)
from auricle.server.dialects.realtime.conversation import Conversation
from auricle.server.dialects.realtime.events import (
    Cleared,
    Error,
    EventError,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
    session_shown,
)
from auricle.server.dialects.realtime.fields import Fields
from auricle.server.dialects.realtime.ids import new_id
from auricle.server.dialects.realtime.session_stream import SessionStream, StreamKept
from auricle.server.transport.socket import Closed, Socket, close_code
from auricle.speech_runtime import SpeechRuntime

WRONG_MODEL = 4000
"""With what OpenAI closes a socket whose session cannot be."""

MIN_COMMITTED_S = 0.1

PIECE_BYTES = 32 * 1024
"""Audio that is resampled at a time: the event loop is not to wait for minutes of it."""

_PATHS = {
    "language": "session.audio.input.transcription.language",
    "languages": "session.audio.input.transcription.languages",
    "turn_detection": "session.audio.input.turn_detection",
}
"""What a model cannot do, by its name there and here."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What holds for one connection."""

    configuration: Configuration
    key: str
    is_beta: bool = False


class Connection:
    """Serves one socket."""

    def __init__(self, runtime: SpeechRuntime, asked: SessionRequest) -> None:
        self._runtime, self._request = runtime, asked
        self._stream = SessionStream(runtime, asked.key)
        self._configuration = asked.configuration
        self._conversation = Conversation(asked.configuration, lambda: new_id("item"))
        self._reader = PcmReader(asked.configuration.pcm_format)
        self._id = new_id("sess")
        self._expires_at = round(time.time()) + runtime.settings.max_live_s
        self._received_s = 0.0
        """Audio on the wire; the resampler holds some of it back."""
        self._may_time_out = True

    async def open(self) -> None:
        """Open the stream. Raises what `SpeechRuntime.open_live` raises."""
        await self._stream.open(self._configuration)

    async def aclose(self) -> None:
        """Leave the stream, which cancels what is not read of it."""
        await self._stream.aclose()

    async def serve(self, socket: Socket) -> None:
        """Talk with a client until either side ends it."""
        self._say(socket, SessionCreated(session=self._shown()))
        self._follow(socket)
        try:
            async for message in socket:
                await self._take(socket, message)
            if socket.ended not in ("left", "slow", "closed"):
                await self._finish(socket)
        except Closed:
            pass
        finally:
            await self._stream.stop_following()

    # What the client says

    async def _take(self, socket: Socket, message: str | bytes) -> None:
        """Do what one event asks for, or say why not."""
        event_id = None
        try:
            raw = client_events.read(message)
            event_id = client_events.event_id(raw)
            event = Fields(beta.current_event(raw) if self._request.is_beta else raw, "")
            await self._do(socket, client_events.kind(event), event)
        except ModelNotFound as exc:
            self._refuse(socket, replace_code(exc, "invalid_model"), event_id)
            socket.close(WRONG_MODEL, "invalid_request_error.invalid_model")
        except InvalidRequest as exc:
            self._refuse(socket, beta.beta_error(exc) if self._request.is_beta else exc, event_id)
        except StreamKept as exc:
            self._refuse(socket, exc.reason, event_id)
        except AuricleError as exc:
            self._refuse(socket, exc, event_id)
            socket.close(close_code(exc), exc.message)

    async def _do(self, socket: Socket, kind: str, event: Fields) -> None:
        match kind:
            case "session.update":
                event.known("type", "event_id", "session")
                event.required("session")
                await self._configure(socket, updated(self._configuration, event.fields("session")))
                self._say(socket, SessionUpdated(session=self._shown()))
            case "input_audio_buffer.append":
                await self._append(socket, client_events.audio(event))
                await self._time_out(socket)
            case "input_audio_buffer.commit":
                event.known("type", "event_id")
                await self._commit()
            case "input_audio_buffer.clear":
                event.known("type", "event_id")
                await self._flush()
                self._stream.live.clear()
                self._conversation.clear(self._received_s)
                self._say(socket, Cleared())
            case "conversation.item.retrieve":
                self._say(socket, self._conversation.retrieve(client_events.item_id(event)))
            case "conversation.item.delete":
                self._say(socket, self._conversation.delete(client_events.item_id(event)))

    async def _append(self, socket: Socket, audio: bytes) -> None:
        form = self._configuration.pcm_format
        self._received_s += len(audio) / (form.bytes_per_frame * form.rate)
        for first in range(0, len(audio), PIECE_BYTES):
            [pcm] = self._reader.push(audio[first : first + PIECE_BYTES])
            await self._stream.live.send(pcm)
            socket.check()

    async def _flush(self) -> None:
        """Send what the resampler holds: what comes next belongs to something else."""
        [pcm] = self._reader.finish()
        self._reader = PcmReader(self._configuration.pcm_format)
        await self._stream.live.send(pcm)

    async def _commit(self) -> None:
        buffered_s = self._received_s - self._conversation.boundary_s
        if buffered_s < MIN_COMMITTED_S - 1e-6:
            raise InvalidRequest(
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
                f"audio, but buffer only has {max(0.0, 1000 * buffered_s):.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        await self._end_turn()

    async def _end_turn(self) -> None:
        await self._flush()
        self._conversation.will_commit(self._stream.live.now_s)
        self._conversation.boundary_s = self._received_s
        await self._stream.live.commit()

    async def _time_out(self, socket: Socket) -> None:
        """End a silence that has lasted as long as the client wants to wait."""
        ending, quiet_s = self._configuration.turn_detection, self._conversation.boundary_s
        if self._conversation.is_speaking:
            self._may_time_out = True
            return
        wait_ms = ending.idle_timeout_ms if isinstance(ending, ServerVad) else None
        silence_s = self._received_s - quiet_s
        if wait_ms is None or not self._may_time_out or 1000 * silence_s < wait_ms:
            return
        self._may_time_out = False
        self._say(socket, *self._conversation.timed_out(quiet_s, self._received_s))
        await self._end_turn()

    async def _configure(self, socket: Socket, changed: Configuration) -> None:
        """Go on with another configuration; if it cannot be, with the one before."""
        if changed.format != self._configuration.format:
            await self._flush()
        try:
            if changed.is_other(self._configuration) or not await self._stream.fits(changed):
                await self._stream.open(changed, self._finish_stream)
                self._conversation.next_stream(self._received_s)
                self._follow(socket)
            else:
                options = changed.decode_options(self._runtime.settings)
                self._stream.live.configure(changed.live_options(), options)
        except InvalidRequest as exc:
            exc.param = _PATHS.get(exc.param or "", exc.param)
            raise
        self._configuration = self._conversation.configuration = changed
        self._reader = self._reader_for(changed)

    # The stream

    def _reader_for(self, changed: Configuration) -> PcmReader:
        """The one there is, unless the samples look different from now on."""
        if changed.pcm_format == self._reader.form:
            return self._reader
        return PcmReader(changed.pcm_format)

    async def _finish_stream(self) -> None:
        """Say all there is to say of what was received."""
        await self._flush()
        self._conversation.will_commit(self._stream.live.now_s)
        await self._stream.finish()

    async def _finish(self, socket: Socket) -> None:
        """The socket will be closed, but the client still listens."""
        await self._finish_stream()
        if socket.ended == "expired":
            minutes = self._runtime.settings.max_live_s / 60
            reason = f"Your session hit the maximum duration of {minutes:g} minutes."
            self._refuse(socket, InvalidRequest(reason, code="session_expired"), None)

    def _follow(self, socket: Socket) -> None:
        self._stream.follow(lambda live: self._send_events(socket, live))

    async def _send_events(self, socket: Socket, stream: LiveStream) -> None:
        """Tell the client what becomes of its audio."""
        try:
            async for effect in stream:
                self._say(socket, *self._conversation.take(effect))
            self._say(socket, *self._conversation.over(stream.now_s))
        except Closed:
            pass
        except Exception as exc:  # noqa: BLE001  # the border: the client is told, and left
            _log.error("a live stream failed", exc_info=exc)
            known = errors.known(exc) or AuricleError("The server had an error.")
            with contextlib.suppress(Closed):
                self._refuse(socket, known, None)
            socket.close(close_code(known), known.message)

    # What the client is told

    def _shown(self) -> dict[str, Any]:
        return session_shown(self._id, self._expires_at, self._configuration)

    def _say(self, socket: Socket, *events: ServerEvent) -> None:
        for event in events:
            named = msgspec.structs.replace(event, event_id=new_id("event"))
            shown: dict[str, Any] | None = msgspec.to_builtins(named)
            if self._request.is_beta and shown is not None:
                shown = beta.beta_event(shown)
            if shown is not None:
                socket.send(msgspec.json.encode(shown).decode())

    def _refuse(self, socket: Socket, exc: AuricleError, event_id: str | None) -> None:
        self._say(socket, error_event(exc, event_id))


def error_event(exc: AuricleError, event_id: str | None = None) -> Error:
    """What a client is told of an error."""
    return Error(
        error=EventError(
            type=exc.type, code=exc.code, message=exc.message, param=exc.param, event_id=event_id
        )
    )


def replace_code(exc: ModelNotFound, code: str) -> ModelNotFound:
    return ModelNotFound(exc.message, param=MODEL_PATH, code=code)

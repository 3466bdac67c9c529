"""The websocket of ``/v2/listen``: what a client may say, and what the end is.

Knows nothing about models or how turns are made of effects.
"""

from __future__ import annotations

from collections.abc import Sequence

from auricle.errors import AuricleError, InvalidRequest
from auricle.live.stream import LiveStream
from auricle.server.dialects.deepgram import messages
from auricle.server.dialects.deepgram.audio_input import AudioInput
from auricle.server.dialects.deepgram.flux import FluxTurns
from auricle.server.dialects.deepgram.flux_messages import (
    CLIENT_MESSAGES,
    FatalError,
    FluxConfigure,
    FluxConfigureFailure,
    FluxConfigureSuccess,
    ForceEndTurn,
)
from auricle.server.dialects.deepgram.flux_request import FluxRequest
from auricle.server.dialects.deepgram.messages import CloseStream, KeepAlive
from auricle.server.dialects.deepgram.socket_session import SocketSession, StreamInfo
from auricle.server.fields.form import shown
from auricle.server.transport.socket import NORMAL, POLICY_VIOLATION, Closed, Socket


class FluxSession(SocketSession):
    """`run` it once."""

    def __init__(
        self,
        socket: Socket,
        audio_input: AudioInput,
        streams: Sequence[LiveStream],
        wanted: FluxRequest,
        info: StreamInfo,
    ) -> None:
        self._turns = FluxTurns(info.request_id, wanted.turns, wanted.formatting)
        super().__init__(socket, audio_input, streams, [self._turns])
        self._wanted = wanted
        self._stream_info = info
        self.say(self._turns.connected())

    async def handle(self, text: str) -> bool:
        try:
            message = messages.read(text, CLIENT_MESSAGES)
        except ValueError as exc:
            reason = f"The message {shown(text)!r} was not understood: {exc}."
            self._say_error("UNPARSABLE_CLIENT_MESSAGE", reason)
            self.socket.close(POLICY_VIOLATION, reason)
            raise Closed from exc
        match message:
            case ForceEndTurn():
                self._turns.force(self.streams[0].now_s)
                await self.streams[0].commit()
            case FluxConfigure():
                self._configure(message)
            case KeepAlive():
                pass
            case CloseStream():
                return True
        return False

    def fail(self, exc: AuricleError) -> None:
        try:
            self._say_error(exc.code or "INTERNAL_SERVER_ERROR", exc.message)
        except Closed:
            return
        super().fail(exc)

    def end(self) -> None:
        if self.socket.ended is None:
            self.socket.close(NORMAL)

    def _configure(self, message: FluxConfigure) -> None:
        name = self._stream_info.request_id
        try:
            wanted = self._wanted.configured(message)
            self.streams[0].configure(wanted.live, wanted.options)
        except InvalidRequest as exc:
            code = (exc.code or "invalid_value").upper()
            self.say(FluxConfigureFailure(name, self._turns.number(), code, exc.message))
            return
        self._wanted = wanted
        self._turns.options = wanted.turns
        self.say(
            FluxConfigureSuccess(
                name,
                self._turns.number(),
                wanted.thresholds,
                wanted.options.keywords,
                wanted.options.languages or None,
            )
        )

    def _say_error(self, code: str, reason: str) -> None:
        self.say(FatalError(self._turns.number(), code, reason))

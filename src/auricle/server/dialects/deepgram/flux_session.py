"""The websocket of ``/v2/listen``: what a client may say, and what the end is.

Knows nothing about models or how turns are made of effects.
"""

from __future__ import annotations

from auricle.errors import AuricleError, InvalidRequest
from auricle.live.stream import LiveStream
from auricle.server.dialects.deepgram import flux_messages
from auricle.server.dialects.deepgram.flux import FluxTurns
from auricle.server.dialects.deepgram.flux_asked import FluxAsked
from auricle.server.dialects.deepgram.flux_messages import (
    FatalError,
    FluxConfigure,
    FluxConfigureFailure,
    FluxConfigureSuccess,
    ForceEndTurn,
)
from auricle.server.dialects.deepgram.following import Following, Known
from auricle.server.dialects.deepgram.intake import Intake
from auricle.server.dialects.deepgram.messages import CloseStream, KeepAlive
from auricle.server.fields.form import shown
from auricle.server.transport.socket import NORMAL, POLICY_VIOLATION, Closed, Socket


class FluxSession(Following):
    """`run` it once."""

    def __init__(
        self, socket: Socket, intake: Intake, stream: LiveStream, asked: FluxAsked, known: Known
    ) -> None:
        self._turns = FluxTurns(known.request_id, asked.turns, asked.wording)
        super().__init__(socket, intake, [stream], [self._turns])
        self._asked = asked
        self._known = known
        self.say(self._turns.connected())

    async def obey(self, text: str) -> bool:
        try:
            message = flux_messages.read(text)
        except ValueError as exc:
            reason = f"The message {shown(text)!r} was not understood: {exc}."
            self._say_error("UNPARSABLE_CLIENT_MESSAGE", reason)
            self.socket.close(POLICY_VIOLATION, reason)
            raise Closed from exc
        match message:
            case ForceEndTurn():
                self._turns.force()
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
        name = self._known.request_id
        try:
            asked = self._asked.configured(message)
            self.streams[0].configure(asked.live, asked.options)
        except InvalidRequest as exc:
            code = (exc.code or "invalid_value").upper()
            self.say(FluxConfigureFailure(name, self._turns.number(), code, exc.message))
            return
        self._asked = asked
        self._turns.options = asked.turns
        self.say(
            FluxConfigureSuccess(
                name,
                self._turns.number(),
                asked.thresholds,
                asked.options.keywords,
                asked.options.languages or None,
            )
        )

    def _say_error(self, code: str, reason: str) -> None:
        self.say(FatalError(self._turns.number(), code, reason))

"""The websocket of ``/v1/listen``: what a client may say, and what the end is.

Knows nothing about models or how results are made of effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auricle.errors import InvalidRequest
from auricle.live.stream import LiveStream
from auricle.server.dialects.deepgram import messages, parameters
from auricle.server.dialects.deepgram.audio_input import AudioInput
from auricle.server.dialects.deepgram.bodies import created, model_info, model_uuid
from auricle.server.dialects.deepgram.messages import (
    CloseStream,
    Configure,
    ConfigureFailure,
    ConfigureSuccess,
    Finalize,
    KeepAlive,
    ResultMetadata,
    SocketError,
    StreamMetadata,
)
from auricle.server.dialects.deepgram.results import LiveResults
from auricle.server.dialects.deepgram.socket_session import SocketSession, StreamInfo
from auricle.server.dialects.deepgram.stream_request import StreamRequest
from auricle.server.dialects.shared import time
from auricle.server.fields.form import shown
from auricle.server.transport.socket import NORMAL, Socket


class ListenSession(SocketSession):
    """`run` it once."""

    def __init__(
        self,
        socket: Socket,
        audio_input: AudioInput,
        streams: Sequence[LiveStream],
        wanted: StreamRequest,
        info: StreamInfo,
    ) -> None:
        metadata = ResultMetadata(
            info.request_id,
            model_info(info.model),
            model_uuid(info.model),
            wanted.extra or None,
        )
        n = len(streams)
        self._results = [LiveResults(wanted.results, metadata, (i, n)) for i in range(n)]
        super().__init__(socket, audio_input, streams, self._results)
        self._wanted = wanted
        self._stream_info = info
        self._options = wanted.options

    async def handle(self, text: str) -> bool:
        try:
            message = messages.read(text, messages.CLIENT_MESSAGES)
        except ValueError as exc:
            self.say(SocketError(f"The message was not understood: {exc}.", shown(text)))
            return False
        match message:
            case Finalize(channel):
                await self._finalize(channel, text)
            case Configure():
                self._configure(message)
            case KeepAlive():
                pass
            case CloseStream():
                return True
        return False

    def end(self) -> None:
        for results in self._results:
            for message in results.utterance_over():
                self.say(message)
        self.say(self._metadata())
        if self.socket.ended is None:
            self.socket.close(NORMAL)

    async def _finalize(self, channel: int | None, text: str) -> None:
        chosen = range(len(self.streams))
        if channel is not None and channel not in chosen:
            last = chosen[-1]
            self.say(SocketError(f"There are channels 0 to {last}, not {channel}.", shown(text)))
            return
        for i in chosen if channel is None else (channel,):
            self._results[i].finalize(self.streams[i].now_s)
            await self.streams[i].commit()

    def _configure(self, message: Configure) -> None:
        name = self._stream_info.request_id
        if message.keyterms is not None:
            try:
                parameters.check_terms("keyterms", message.keyterms)
                options = replace(self._options, keywords=message.keyterms)
                for stream in self.streams:
                    stream.configure(self._wanted.live, options)
            except InvalidRequest as exc:
                code = "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"
                self.say(ConfigureFailure(name, code, exc.message))
                return
            self._options = options
        self.say(ConfigureSuccess(name, message.keyterms))

    def _metadata(self) -> StreamMetadata:
        duration_s, model = self.streams[0].now_s, self._stream_info.model
        name = model_uuid(model)
        sound = self._wanted.raw_format
        has_audio = duration_s > 0
        return StreamMetadata(
            "deprecated",
            self._stream_info.request_id,
            self.digest.hexdigest(),
            created(),
            time(duration_s),
            (sound.n_channels if sound else 1) if has_audio else 0,
            (name,) if has_audio else None,
            {name: model_info(model)} if has_audio else None,
        )

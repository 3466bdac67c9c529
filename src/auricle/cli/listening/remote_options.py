"""A server that speaks OpenAI's Realtime API, and how it is to transcribe.

Knows nothing about sockets.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """Which server, and how it is to transcribe; ``silence_s`` ends a turn."""

    url: str
    """``http://…``, ``https://…``, ``ws://…`` or ``wss://…``, with or without ``/v1``."""
    model: str = "whisper-1"
    language: str | None = None
    silence_s: float = 0.5
    key: str | None = None
    diarize: bool = False
    """Say who speaks, which only servers of ours do."""

    @property
    def socket(self) -> str:
        """The address of the websocket."""
        scheme, _, rest = self.url.partition("://")
        scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
        return f"{scheme}://{rest.rstrip('/').removesuffix('/v1')}/v1/realtime?intent=transcription"

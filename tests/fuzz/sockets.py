"""Damaged conversations over each websocket: what the address asks for, and the frames."""

from __future__ import annotations

import base64
import contextlib
import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.fuzz.asgi import Application, application
from tests.fuzz.mutation import Damage
from tests.fuzz.target import Trial

MAX_FRAMES = 12
SOUND = (b"\x00\x01" * 200, b"\x00" * 4800, b"\x01", b"", b"RIFF" + bytes(60), b"OggS" + bytes(80))

Pairs = dict[str, str]
Frame = dict[str, Any] | bytes


@dataclass(frozen=True)
class Dialect:
    """A path, fields of its address, and what a client says there."""

    path: str
    query: Pairs
    frames: Sequence[Frame]
    subprotocols: Sequence[Sequence[str]] = ((),)


_SESSION: dict[str, Any] = {
    "type": "transcription",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "noise_reduction": {"type": "near_field"},
            "transcription": {
                "model": "whisper-1", "language": "en", "prompt": "a", "languages": ["en", "de"],
            },
            "turn_detection": {
                "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300,
                "silence_duration_ms": 500, "idle_timeout_ms": 6000,
            },
        }
    },
    "include": ["item.input_audio_transcription.logprobs"],
}  # fmt: skip
_FLAT: dict[str, Any] = {
    "input_audio_format": "pcm16",
    "input_audio_transcription": {"model": "whisper-1", "language": "en"},
    "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
    "input_audio_noise_reduction": None,
}
_SAMPLES = base64.b64encode(bytes(4800)).decode()

REALTIME: Sequence[Frame] = (
    {"type": "session.update", "event_id": "e1", "session": _SESSION},
    {"type": "session.update", "session": {"type": "transcription", "audio": {"input": {
        "format": {"type": "audio/pcmu"}, "turn_detection": None}}}},
    {"type": "transcription_session.update", "session": _FLAT},
    {"type": "input_audio_buffer.append", "audio": _SAMPLES},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.retrieve", "item_id": "item_x"},
    {"type": "conversation.item.delete", "item_id": "item_x"},
    {"type": "response.create"},
)  # fmt: skip
DIALECTS = (
    Dialect(
        "/v1/realtime",
        {"intent": "transcription", "model": "whisper-1"},
        REALTIME,
        ((), ("realtime",), ("realtime", "openai-beta.realtime-v1")),
    ),
    Dialect(
        "/v1/listen",
        {
            "model": "base", "encoding": "linear16", "sample_rate": "16000", "channels": "1",
            "interim_results": "true", "endpointing": "300", "utterance_end_ms": "1000",
            "vad_events": "true", "language": "en", "keyterm": "a", "multichannel": "true",
            "punctuate": "true", "smart_format": "true", "diarize": "true", "search": "a",
            "extra": "a:b", "replace": "a:b",
        },
        (
            {"type": "KeepAlive"},
            {"type": "Finalize", "channel": 0},
            {"type": "CloseStream"},
            {"type": "Configure", "keyterms": ["a"], "features": {"a": 1}, "processors": {}},
        ),
        ((), ("token", "x")),
    ),
    Dialect(
        "/v2/listen",
        {
            "model": "flux-general-en", "encoding": "linear16", "sample_rate": "16000",
            "eot_threshold": "0.7", "eager_eot_threshold": "0.5", "eot_timeout_ms": "5000",
            "keyterm": "a", "tag": "a", "mip_opt_out": "true",
        },
        (
            {"type": "Configure", "thresholds": {"eot_threshold": 0.7}, "keyterms": ["a"],
             "language_hints": ["en"]},
            {"type": "ForceEndTurn"},
            {"type": "KeepAlive"},
            {"type": "CloseStream"},
        ),
    ),
)  # fmt: skip


class _Sockets:
    def __init__(self, application: Application) -> None:
        self._application = application

    async def attempt(self, rng: random.Random) -> str:
        dialect = rng.choice(DIALECTS)
        damage = Damage(rng)
        said = [frame(damage, dialect) for _ in range(rng.randint(0, MAX_FRAMES))]
        offered = rng.choice(dialect.subprotocols)
        ended = await self._application.converse(
            dialect.path, query(damage, dialect.query), said, offered
        )
        return f"{dialect.path} {ended}"


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Trial]:
    async with application(unknown_models="default") as found:
        yield _Sockets(found)


def query(damage: Damage, known: Pairs) -> bytes:
    rng = damage.rng
    given = {name: value for name, value in known.items() if rng.random() < 0.4}
    given |= dict(list(known.items())[:3]) if rng.random() < 0.8 else {}
    if rng.random() < 0.3 and given:
        name = rng.choice(list(given))
        given[name] = damage.text(given[name])
    return urlencode(given, errors="replace").encode()


def frame(damage: Damage, dialect: Dialect) -> str | bytes:
    """One message, mostly as it should be: a conversation is to come to something."""
    rng = damage.rng
    if rng.random() < 0.25:
        sound = rng.choice(SOUND)
        return sound if rng.random() < 0.8 else damage.data(sound, max_edits=2)
    given = rng.choice(dialect.frames)
    if rng.random() < 0.5:
        return json.dumps(given)
    return damage.json(given).decode("utf-8", "replace")

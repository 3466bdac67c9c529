"""The settings of a server that say who reaches it, and how much they may take.

Knows nothing about models or transcription. They are part of ``config.Settings``.
"""

# ruff: noqa: RUF009  # a setting is declared by a call that makes a dataclass field

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from auricle.settings.setting import setting
from auricle.telemetry.logs import LogFormat

Dialect = Literal["openai", "whisperkit"]
"""What the audio endpoints assume and add: as OpenAI's service, or as WhisperKit's server."""

_setting = partial(setting, server_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Whom a server answers, and within which limits."""

    # Listening
    host: str = _setting("localhost", "address to listen on; localhost is 127.0.0.1 and ::1")
    port: int = _setting(50060, "TCP port to listen on; 0 picks a free one", low=0, high=65535)
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        "names by which the server may be called, besides addresses and names of local networks: "
        "the one a proxy in front is called by, if it passes that on; * is every name",
        pattern=r"\*|[A-Za-z0-9][A-Za-z0-9._-]*",
        examples="speech.example.com, or *",
    )
    cors_origins: tuple[str, ...] = _setting(
        ("local",),
        "web pages that may use the server: origins such as https://example.com; local is every "
        "page of this machine, * every page there is",
        pattern=r"\*|local|null|[A-Za-z][A-Za-z0-9+.-]*://[^/\s]+/?",
        examples="https://example.com, local, null or *",
    )
    api_keys: tuple[str, ...] = _setting(
        (),
        "keys of which each request must carry one; none: everybody on this machine may ask. Flags "
        "are seen by other users of this machine, the environment and files are not",
        secret=True,
        not_empty=True,
    )
    api_keys_file: Path | None = _setting(
        None,
        "file with more keys, one a line; # begins a comment",
        not_empty=True,
    )
    keyring: Path | None = _setting(
        None,
        "file of keys that auricle keys keeps: what each may take, and until when. With a keyring "
        "every request needs a key, also while the file holds none",
        not_empty=True,
    )
    insecure: bool = _setting(False, "let others than this machine use the server without a key")
    tls_cert: Path | None = _setting(
        None,
        "file with the certificate, and those above it, for https and wss; goes with tls_key",
        not_empty=True,
    )
    tls_key: Path | None = _setting(
        None, "file with the certificate's private key, not encrypted", not_empty=True
    )
    dialect: Dialect = _setting(
        "openai",
        "what the audio endpoints assume and add: as OpenAI's service, or as WhisperKit's server",
    )
    compat_apis: bool = _setting(
        True,
        "also answer whisper.cpp's /inference, whisper-asr-webservice's /asr and "
        "/detect-language, and what controls Argmax's local server (/v1/status, /v1/init, …)",
    )
    allow_shutdown: bool = _setting(
        False, "let a request end the server: POST /v1/shutdown, as Argmax's local server has it"
    )

    log_format: LogFormat = _setting(
        "human", "how lines of the log look: for people, or a JSON object each"
    )

    wyoming_port: int = _setting(
        0,
        "TCP port for Home Assistant's Wyoming protocol, on the address of host; usually 10300; 0 "
        "is off",
        low=0,
        high=65535,
    )
    wyoming_vad: bool = _setting(
        False,
        "end every Wyoming command when its speaker has finished, and tell clients so; else those "
        "whose client asks for it",
    )

    wyoming_zeroconf: bool = _setting(
        False, "announce the Wyoming port on the network, so that Home Assistant finds it by itself"
    )

    # Limits
    max_upload_mb: int = _setting(2048, "largest upload, MiB", low=1, high=1024 * 1024)
    max_requests: int = _setting(
        128,
        "requests being transcribed or waiting; one more is answered 429",
        low=1,
        high=100_000,
    )
    max_backlog_s: int = _setting(
        900,
        "work that may wait, in predicted seconds until it is done; above it new requests are "
        "answered 429",
        low=1,
        high=7 * 86400,
    )
    max_backlog_per_key_s: int = _setting(
        0,
        "the same for one client, told by its API key or else its address; 0 is the same as "
        "max_backlog_s",
        low=0,
        high=7 * 86400,
    )
    max_connections: int = _setting(
        4096,
        "connections held at one time, as far as the system's limit on open files allows; one more "
        "ends the one that has been idle for longest",
        low=16,
        high=1_000_000,
    )
    max_uploads: int = _setting(
        256,
        "requests being uploaded at one time; one more is answered 429",
        low=1,
        high=100_000,
    )
    max_uploads_per_client: int = _setting(
        0,
        "the same for one client; 0 is half of max_uploads",
        low=0,
        high=100_000,
    )
    min_upload_bytes_per_s: int = _setting(
        1024,
        "what an upload must bring over each minute, bytes per second; one that is slower is given "
        "up and answered 408; 0 is anything at all",
        low=0,
        high=1024 * 1024,
    )
    max_sockets: int = _setting(
        128,
        "websockets open at one time; one more is refused with 429",
        low=0,
        high=100_000,
    )
    max_sockets_per_client: int = _setting(
        0, "the same for one client; 0 is half of max_sockets", low=0, high=100_000
    )
    max_live_sessions: int = _setting(
        128,
        "live streams transcribed at one time; one more is refused with 429, and so is any while "
        "those that are spoken into keep the engine busy",
        low=0,
        high=100_000,
    )
    max_live_s: int = _setting(
        6 * 3600, "longest live session, seconds; then it is closed", low=1, high=30 * 86400
    )
    live_idle_s: int = _setting(
        600,
        "for how long a live session may bring nothing before it is closed, seconds",
        low=1,
        high=86400,
    )
    min_free_disk_mb: int = _setting(
        100,
        "space that uploads leave free where temporary files go, MiB; one that would take it is "
        "answered 507",
        low=0,
        high=1024 * 1024,
    )
    deadline_s: int = _setting(
        0,
        "time in which a request must be answered, from its first byte on, seconds; 0 is no limit. "
        "A request can ask for less with the header X-Auricle-Deadline: SECONDS",
        low=0,
        high=7 * 86400,
    )
    early_headers_s: float = _setting(
        60.0,
        "after how long an answer begins that is not ready: clients that hear nothing for 300 s "
        "give up, and send it all again; 0 never",
        low=0.0,
        high=3600.0,
    )
    proof_s: int = _setting(
        60,
        "how old the proof that the model reads may be when /readyz is asked, seconds; an older "
        "one is renewed with a second of audio; 0 asks for none",
        low=0,
        high=86400,
    )
    drain_s: int = _setting(
        30,
        "how long a stopping server finishes accepted requests, seconds",
        low=0,
        high=3600,
    )

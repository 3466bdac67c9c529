"""How many files and sockets this process may have open, and how many of them connections may be.

Knows nothing about connections.
"""

from __future__ import annotations

import sys
from typing import Final

from auricle.settings.config import Settings

MAX_DESCRIPTORS: Final = 65_536
"""What is asked for at most: some systems allow a billion, and some libraries count through all."""

PER_DECODER: Final = 4
OTHERS: Final = 128
"""Pipes of a decoder and its recording; what models, logs and listeners take."""

MIN_CONNECTIONS: Final = 16

if sys.platform != "win32":
    import resource


def raise_limit() -> None:
    """Let this process have as many files open as it may ask for."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def max_connections(settings: Settings) -> int:
    """The setting, or what the limit of this process leaves when every upload has its file and
    every decoder runs."""
    if sys.platform == "win32":
        return settings.max_connections
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return settings.max_connections
    reserved = settings.max_uploads + PER_DECODER * settings.max_decoders + OTHERS
    return max(min(settings.max_connections, soft - reserved), MIN_CONNECTIONS)

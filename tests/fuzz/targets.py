"""All targets, by what they take."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz import folders, heads, kept, media, requests, sockets, written, wyoming
from tests.fuzz.target import Target

TARGETS: Sequence[Target] = (
    Target("requests", 420, requests.opened),
    Target("sockets", 240, sockets.opened),
    Target("wyoming", 160, wyoming.opened),
    Target("heads", 80, heads.opened),
    Target("written", 84, written.opened),
    Target("folders", 5, folders.opened),
    Target("kept", 5, kept.opened),
    Target("media", 6, media.opened),
)

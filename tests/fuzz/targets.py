"""All targets, by what they take: of a thousand inputs each gets its share."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.folders import Folders
from tests.fuzz.heads import Heads
from tests.fuzz.kept import Kept
from tests.fuzz.media import Media
from tests.fuzz.requests import Requests
from tests.fuzz.sockets import Sockets
from tests.fuzz.target import Target
from tests.fuzz.written import Written
from tests.fuzz.wyoming import Wyoming

TARGETS: Sequence[Target] = (
    Requests(),
    Sockets(),
    Wyoming(),
    Heads(),
    Written(),
    Folders(),
    Kept(),
    Media(),
)
